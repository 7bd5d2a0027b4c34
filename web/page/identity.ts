import type { PageSettings, Wishes } from "./settings.ts";

/** Who this tab is to the server, and what stands in its name field. */
export interface Identity {
  /** Undefined where the server would not believe it: there the token says who we are, or nobody is anyone. */
  readonly userId: string | undefined;
  readonly name: string;
}

/** What the tab knows from before it was loaded again. */
export interface Remembered {
  readonly user: string | undefined;
  readonly name: string | undefined;
  readonly token: string | undefined;
}

/**
 * The user that the address asks for; else the one of before; else a new guest, so that one can push to this very tab.
 *
 * @param random from 0 up to 1
 */
export function identify(
  { trustUserId }: Pick<PageSettings, "trustUserId">,
  wishes: Wishes,
  { user, name, token }: Remembered,
  random: number,
): Identity {
  const guest = `guest-${1000 + Math.floor(random * 9000)}`;
  const userId = trustUserId && token === undefined ? (wishes.userId ?? user ?? guest) : undefined;
  // Another user than before is another name, unless the person chose one.
  return { userId, name: name ?? userId ?? "" };
}
