import { parseUserId } from "../../protocol/channel-name.ts";
import type { Presence } from "./presence-store.ts";

/** The key by which presences are sorted: those without a user first, then by user, then by connection. */
export function keyOf({ userId = "", id }: Pick<Presence, "userId" | "id">): string {
  // No user id contains a control character, so no other user sorts between two connections of one.
  return `${userId}\u0000${id}`;
}

/** The key as a client sees it, `alice/c_8f3k`. */
export function formatPageKey(key: string): string {
  return key.replace("\u0000", "/");
}

/** The key of a text made by `formatPageKey`; undefined for any other text. */
export function parsePageKey(text: string): string | undefined {
  const slash = text.lastIndexOf("/"); // a user id may contain slashes, the id of a connection does not
  const userId = text.slice(0, Math.max(0, slash));
  const id = text.slice(slash + 1);
  if (slash < 0 || !/^[A-Za-z0-9_-]{1,64}$/.test(id)) return undefined;
  return userId === "" || parseUserId(userId) !== undefined ? `${userId}\u0000${id}` : undefined;
}

/** The user of a key; "" if it has none. */
export function userOfKey(key: string): string {
  return key.slice(0, Math.max(0, key.indexOf("\u0000")));
}
