import type { PageQuery, PageSettings } from "./settings.ts";

/** The user of this tab, and the content of its name field. */
export interface Identity {
  /** Undefined if the server does not accept `user_id`: then the token names the user, or the connection is anonymous. */
  readonly userId: string | undefined;
  readonly name: string;
}

/** The identity that the tab has kept across a reload. */
export interface Remembered {
  readonly user: string | undefined;
  readonly name: string | undefined;
  readonly token: string | undefined;
}

/**
 * The user in the URL if there is one, otherwise the user before the reload, otherwise a new guest, so that one can push to this tab.
 *
 * @param random from 0 up to 1
 */
export function identify(
  { trustUserId }: Pick<PageSettings, "trustUserId">,
  query: PageQuery,
  { user, name, token }: Remembered,
  random: number,
): Identity {
  const guest = `guest-${1000 + Math.floor(random * 9000)}`;
  const userId = trustUserId && token === undefined ? (query.userId ?? user ?? guest) : undefined;
  // The name follows the user, unless the person has chosen a name.
  return { userId, name: name ?? userId ?? "" };
}
