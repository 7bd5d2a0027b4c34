import type { ChannelName } from "../../protocol/channel-name.ts";
import { isoTime, present } from "../../protocol/codec.ts";
import { ServiceError } from "../../protocol/errors.ts";
import type { PresenceFrame, PresenceMember } from "../../protocol/frames.ts";
import { formatPageKey, keyOf, parsePageKey, userOfKey } from "../presence/page-key.ts";
import type { Presence } from "../presence/presence-store.ts";

/** Bytes of `info` in one answer. Far below the write limit of a connection, so that other frames still find room behind it. */
const maxInfoBytes = 192 * 1024;

/** A page of presences. The position is absent where presence is not tracked. */
export interface ReadPage {
  readonly count: number;
  readonly presences: readonly Presence[];
  readonly hasMore: boolean;
  readonly unlisted?: number;
  readonly epoch?: string;
  readonly position?: number;
}

/** The answer to a presence command. @param page the `next` of the previous answer, "" for the first */
export async function answerOf(
  channel: ChannelName,
  page: string,
  read: (after: string) => Promise<ReadPage>,
): Promise<PresenceFrame> {
  const after = page === "" ? "" : parsePageKey(page);
  if (after === undefined) {
    const got = JSON.stringify(page.slice(0, 60));
    throw new ServiceError("invalid-field", `page: expected the next of an answer, got ${got}`, { field: "page" });
  }
  const { count, presences, hasMore, unlisted, epoch, position } = await read(after);
  const shown = withinBounds(presences);
  const last = shown.at(-1);
  const next =
    last !== undefined && (hasMore || shown.length < presences.length) ? formatPageKey(keyOf(last)) : undefined;
  return {
    type: "presence",
    channel,
    count,
    users: usersOf(shown, userOfKey(after)),
    members: shown.map(memberOf),
    ...present({ unlisted, epoch, position, next }),
  };
}

function withinBounds(presences: readonly Presence[]): readonly Presence[] {
  let bytes = 0;
  const end = presences.findIndex(({ info = "" }, index) => {
    bytes += Buffer.byteLength(info);
    return bytes > maxInfoBytes && index > 0;
  });
  return end < 0 ? presences : presences.slice(0, end);
}

/** @param previous the last user of the page before, who is listed there already */
function usersOf(presences: readonly Presence[], previous: string): readonly string[] {
  const users = new Set(presences.flatMap(({ userId }) => userId ?? []));
  users.delete(previous);
  return [...users];
}

function memberOf({ id, userId, info, since }: Presence): PresenceMember {
  return {
    connection_id: id,
    ...present({ user_id: userId, info: info === undefined ? undefined : (JSON.parse(info) as unknown) }),
    since: isoTime(since),
  };
}
