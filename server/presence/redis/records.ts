import type { JsonText } from "../../../protocol/publication.ts";
import {
  noEpoch,
  type Presence,
  type PresenceChange,
  type PresenceEvent,
  type PresencePage,
  type PresencePosition,
  type PresenceUpdate,
} from "../presence-store.ts";

/** The arguments of one change; see apply.lua. */
export function argumentsOf(change: PresenceChange): readonly string[] {
  if (change.kind !== "join") return [change.kind, change.holder];
  const { holder, over = "", resumes, userId = "", since, info = "", hasPlace } = change;
  return ["join", holder, over, resumes ? "1" : "0", userId, `${since} ${info}`, hasPlace ? "1" : "0"];
}

/** @param text `epoch position replid`; nothing if there is no record */
export function parsePosition(text: string | null): PresencePosition {
  const [epoch = "", position = ""] = (text ?? "").split(" ");
  return epoch === "" ? { epoch: noEpoch, position: 0 } : { epoch, position: Number(position) };
}

/** The lower end of the keys after this one, for ZRANGEBYLEX. No connection begins with a byte above 0x7f. */
export function lowerEndAfter(key: string): string {
  return key === "" ? "-" : `(${key}\u0000\u00ff`;
}

/** @param answer of read.lua, with one presence more than the page holds if there are more */
export function parsePage(answer: unknown, limit: number): PresencePage {
  const [position, count, texts] = answer as readonly [string, number, readonly string[]];
  const presences = texts.slice(0, limit).map(parsePresence);
  return { ...parsePosition(position), count, presences, hasMore: texts.length > limit };
}

/** @param text a message of apply.lua or remove.lua */
export function parseUpdate(text: string): PresenceUpdate {
  const [head = "", ...lines] = text.split("\n");
  const [epoch = "", time] = head.split(" ");
  return { epoch, events: lines.map((line) => parseEvent(line, Number(time))) };
}

/** `joined 42 3 c_8f3k alice\u00001790000000123 {"name":"Alice"}` */
function parseEvent(line: string, at: number): PresenceEvent {
  const [kind = "", position = "", count = ""] = line.split(" ", 3);
  const presence = parsePresence(line.slice(kind.length + position.length + count.length + 3));
  return {
    kind: kind === "joined" ? "joined" : "left",
    position: Number(position),
    count: Number(count),
    presence,
    at,
  };
}

/** `c_8f3k alice\u00001790000000123 {"name":"Alice"}`; user and info may be empty. */
function parsePresence(text: string): Presence {
  const [id = ""] = text.split(" ", 1);
  const zero = text.indexOf("\u0000");
  const userId = text.slice(id.length + 1, zero);
  const rest = text.slice(zero + 1);
  const space = rest.indexOf(" ");
  const info: JsonText = rest.slice(space + 1);
  return {
    id,
    userId: userId === "" ? undefined : userId,
    info: info === "" ? undefined : info,
    since: Number(rest.slice(0, space)),
  };
}
