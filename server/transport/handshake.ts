import { type ChannelName, channelNameRule, parseChannelName } from "../../protocol/channel-name.ts";
import { ServiceError } from "../../protocol/errors.ts";
import { limits } from "../../protocol/limits.ts";
import { type Cursor, parseCursor, parseSinceWord, type Since, sinceRule } from "../../protocol/position.ts";
import { tokenFrom } from "../auth/token-source.ts";
import type { Arrival } from "../hub/arrival.ts";

/** Where a request comes from. */
export interface Peer {
  readonly ip: string;
  /** Address and port, for people: `127.0.0.1:52341`. */
  readonly remote: string;
}

/** The longest resume key that is looked up; ours are shorter. */
const resumeKeyLength = 64;

/**
 * Reads what a handshake of either transport says:
 * `?user_id=&token=&channel=a&channel=b&channels=c,d&since=&takes_over=`, and `Last-Event-ID`, which wins over `since`.
 * @throws ServiceError "bad-request" that names the parameter and its rule
 */
export function parseArrival(request: Request, peer: Peer): Arrival {
  const { searchParams } = new URL(request.url);
  const lastEventId = request.headers.get("Last-Event-ID");
  return {
    userId: parseUserText(searchParams.get("user_id")),
    token: tokenFrom({
      url: searchParams,
      authorization: request.headers.get("Authorization"),
      subprotocols: offeredSubprotocols(request),
    }),
    channels: parseChannels(searchParams),
    since: lastEventId ? parseCursorOnly(lastEventId) : parseSince(searchParams.get("since")),
    takesOver: parseTakesOver(searchParams.get("takes_over")),
    ...peer,
  };
}

/** In the order in which the client offered them. */
export function offeredSubprotocols(request: Request): readonly string[] {
  const header = request.headers.get("Sec-WebSocket-Protocol");
  return header === null ? [] : header.split(",").map((name) => name.trim());
}

function parseChannels(params: URLSearchParams): readonly ChannelName[] {
  const names = [...params.getAll("channel"), ...params.getAll("channels").flatMap((names) => names.split(","))];
  const channels = new Set<ChannelName>();
  for (const name of names) {
    if (name === "") continue;
    const channel = parseChannelName(name);
    if (channel === undefined) throw bad("channel", channelNameRule, name);
    channels.add(channel);
  }
  return [...channels];
}

/** Whether it is a user's id is for those to say who know users; bytes that are no text come as U+FFFD and are none. */
function parseUserText(text: string | null): string | undefined {
  if (text?.includes("\ufffd")) throw bad("user_id", "text in UTF-8", text);
  return text ?? undefined;
}

function parseSince(text: string | null): Since | Cursor | undefined {
  if (text === null || text === "") return undefined;
  const since = parseSinceWord(text) ?? parseCursor(text);
  if (since === undefined) throw bad("since", `a cursor of at most ${limits.cursorBytes} bytes, or ${sinceRule}`, text);
  return since;
}

function parseCursorOnly(text: string): Cursor {
  const cursor = parseCursor(text);
  if (cursor === undefined) throw bad("Last-Event-ID", `a cursor of at most ${limits.cursorBytes} bytes`, text);
  return cursor;
}

function parseTakesOver(text: string | null): string | undefined {
  if (text === null || text === "") return undefined;
  if (text.length > resumeKeyLength) throw bad("takes_over", "the resume_key of a welcome", text);
  return text;
}

function bad(name: string, rule: string, got: string): ServiceError {
  const shown = got.length > 60 ? `${got.slice(0, 57)}… (${got.length} characters)` : got;
  return new ServiceError("bad-request", `${name}: expected ${rule}, got ${JSON.stringify(shown)}`, { field: name });
}
