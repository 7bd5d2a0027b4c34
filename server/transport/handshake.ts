import { type ChannelName, channelNameRuleFor, parseChannelName } from "../../protocol/channel-name.ts";
import { ServiceError } from "../../protocol/errors.ts";
import { limits } from "../../protocol/limits.ts";
import {
  type Cursor,
  parseCursor,
  parseSince,
  type Since,
  sinceWords,
  unknownPosition,
} from "../../protocol/position.ts";
import { tokenFrom } from "../auth/token-source.ts";
import type { Handshake } from "../hub/handshake.ts";
import { ownText } from "../lib/own-text.ts";
import { refuseRepeatedParameters } from "../lib/repeated-parameters.ts";
import { unknownNames } from "../lib/unknown-names.ts";

/** The client's address. */
export interface Peer {
  readonly ip: string;
  /** Address and port, for logs: `127.0.0.1:52341`. */
  readonly remote: string;
  /** The other end of the socket, in the same form: behind a proxy, that of the proxy. Undefined if it is not known. */
  readonly socket?: string | undefined;
  /** The token in the cookie of POST /v1/session; an error if the request may not use its cookie. */
  readonly session?: string | ServiceError | undefined;
}

/** Applies to all channels: the client's position is unknown. */
const sinceUnknown: Since = { from: "position", position: unknownPosition };

/** The longest accepted resume key; real ones are shorter. */
const resumeKeyLength = 64;

/**
 * Parses the handshake of either transport:
 * `?user_id=&token=&channel=a&channel=b&channels=c,d&since=&takes_over=`, and `Last-Event-ID` or `?lastEventId=` (for
 * polyfills that cannot set a header), which take precedence over `since`.
 * @throws ServiceError "bad-request" that names the parameter and its rule
 */
export function parseHandshake(request: Request, peer: Peer, parameters = handshakeParameters): Handshake {
  const { searchParams } = new URL(request.url);
  refuseRepeatedParameters(
    searchParams,
    parameters.filter((name) => !repeatable.includes(name)),
  );
  const lastEventId = lastEventIdOf(request, searchParams);
  const { session, ...origin } = peer;
  return {
    userId: parseUserText(searchParams.get("user_id")),
    token:
      tokenFrom({
        url: searchParams,
        authorization: request.headers.get("Authorization"),
        subprotocols: offeredSubprotocols(request),
      }) ?? fromCookie(session),
    channels: parseChannels(searchParams),
    since: lastEventId === "" ? parseSinceParameter(searchParams.get("since")) : parseLastEventId(lastEventId),
    takesOver: parseTakesOver(searchParams.get("takes_over")),
    warnings: unknownNames(searchParams.keys(), parameters, "parameter"),
    ...origin,
  };
}

/** Only for a request without another token: what a client sends on purpose counts more than what a browser adds. */
function fromCookie(session: Peer["session"]): string | undefined {
  if (session instanceof ServiceError) throw session;
  return session;
}

/** Other parameters do not cause a refusal, because polyfills add their own. The welcome warns about them. */
export const handshakeParameters: readonly string[] = [
  "user_id",
  "token",
  "channel",
  "channels",
  "since",
  "lastEventId",
  "takes_over",
];

/** Lists, and what a polyfill may add again on each reconnect: a refusal would stop it for good. */
const repeatable: readonly string[] = ["channel", "channels", "lastEventId"];

/** In the client's order. */
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
    if (channel === undefined) throw bad("channel", channelNameRuleFor(name), name);
    channels.add(ownText(channel) as ChannelName); // a copy, so that the query string it was cut from can be freed
  }
  return [...channels];
}

/** Whether it is a valid user id is checked later. Invalid UTF-8 was decoded to U+FFFD and is refused here. */
function parseUserText(text: string | null): string | undefined {
  if (text?.includes("\ufffd")) throw bad("user_id", "text in UTF-8", text);
  return text ?? undefined;
}

/** The header `Last-Event-ID`, else the last `lastEventId` of the URL, else "". */
export function lastEventIdOf(request: Request, params: URLSearchParams): string {
  return request.headers.get("Last-Event-ID") || params.getAll("lastEventId").at(-1) || "";
}

function parseSinceParameter(text: string | null): Since | Cursor | undefined {
  if (text === null || text === "") return undefined;
  const since = parseSince(text) ?? parseCursor(text);
  if (since === undefined)
    throw bad("since", `a cursor such as room:1~k3x9~17 of at most ${limits.cursorBytes} bytes, ${sinceWords}`, text);
  return since;
}

/**
 * Never refuses: the client did not choose this text but repeats what a server sent last, and a refusal would stop an
 * EventSource for good. It may come from another server or version, or be truncated.
 */
function parseLastEventId(text: string): Since | Cursor {
  return parseCursor(text) ?? sinceUnknown;
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
