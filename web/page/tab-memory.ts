/** Values that this tab keeps across a reload. Each tab has its own, so two tabs can try out two users. */
export const tabMemory = {
  read(key: "user" | "name" | "token"): string | undefined {
    try {
      return sessionStorage.getItem(`fanfare.${key}`) ?? undefined;
    } catch {
      return undefined; // the browser forbids storage: nothing is kept
    }
  },

  /** @param value undefined removes it */
  write(key: "user" | "name" | "token", value: string | undefined): void {
    try {
      if (value === undefined) sessionStorage.removeItem(`fanfare.${key}`);
      else sessionStorage.setItem(`fanfare.${key}`, value);
    } catch {
      // Forbidden, or full: the page works without it.
    }
  },
};
