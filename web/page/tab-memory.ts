/** What this tab remembers over a reload. A second tab remembers its own: two tabs are two people to try things with. */
export const tabMemory = {
  read(key: "user" | "name" | "token"): string | undefined {
    try {
      return sessionStorage.getItem(`fanfare.${key}`) ?? undefined;
    } catch {
      return undefined; // a browser that forbids it: then nothing is remembered
    }
  },

  /** @param value undefined is forgotten */
  write(key: "user" | "name" | "token", value: string | undefined): void {
    try {
      if (value === undefined) sessionStorage.removeItem(`fanfare.${key}`);
      else sessionStorage.setItem(`fanfare.${key}`, value);
    } catch {
      // Forbidden, or full: the page works without it.
    }
  },
};
