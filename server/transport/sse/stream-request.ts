import type { ChannelName } from "../../../protocol/channel-name.ts";
import { ServiceError } from "../../../protocol/errors.ts";
import { limits } from "../../../protocol/limits.ts";
import { cursorPrefix } from "../../../protocol/position.ts";
import type { Handshake } from "../../hub/handshake.ts";
import { handshakeParameters, lastEventIdOf, type Peer, parseHandshake } from "../handshake.ts";

/** The parsed request of `GET /sse`. */
export interface StreamRequest {
  readonly handshake: Handshake;
  /** Interval of `heartbeat` events in milliseconds; undefined to use comments. */
  readonly heartbeatMs: number | undefined;
}

const streamParameters = [...handshakeParameters, "heartbeat"];
/** Seconds. */
const heartbeatRange = { min: 1, max: 3600 };
/** Bytes of an epoch and an offset in a cursor, with separators. */
const positionBytes = 32;
/** The runtime refuses larger request headers with 431 and no body, which stops an EventSource for good. */
const maxHeadBytes = 16 * 1024;
/** Room for `Last-Event-ID: ` and the line break, and for headers that a proxy may add later. */
const headReserveBytes = 512;

/** @throws ServiceError "bad-request" that names the parameter and its rule */
export function parseStreamRequest(request: Request, peer: Peer): StreamRequest {
  const handshake = parseHandshake(request, peer, streamParameters);
  const heartbeatMs = parseHeartbeat(new URL(request.url).searchParams.get("heartbeat"));
  checkCursorFits(handshake.channels, handshake.userId);
  checkHeadHasRoom(request, cursorBytes(handshake.channels, handshake.userId));
  return { handshake, heartbeatMs };
}

/**
 * A stream resumes by its cursor alone, so a request for more channels than fit into a cursor is refused. A request that is
 * accepted here is accepted on every reconnect, because the cursor never grows beyond this size.
 * @throws ServiceError "bad-request"
 */
export function checkCursorFits(channels: readonly ChannelName[], userId: string | undefined): void {
  if (cursorBytes(channels, userId) <= limits.cursorBytes) return;
  const rule = `few and short enough channel names to fit into a cursor of ${limits.cursorBytes} bytes`;
  throw new ServiceError("bad-request", `channel: expected ${rule}; use a WebSocket for more channels`, {
    field: "channel",
  });
}

/** The maximum size of the cursor for these channels, `all` and the user's own. */
function cursorBytes(channels: readonly ChannelName[], userId: string | undefined): number {
  const bytes = channels.reduce((sum, channel) => sum + cursorPrefix(channel, "").length + positionBytes, 0);
  const own = userId === undefined ? 0 : encodeURIComponent(userId).length;
  return bytes + own + 3 * positionBytes;
}

/**
 * On reconnect the request is longer by the cursor. If it were too long then, the stream could not resume, so a request that
 * leaves no room for the cursor is refused at the first connect.
 */
function checkHeadHasRoom(request: Request, roomBytes: number): void {
  if (lastEventIdOf(request, new URL(request.url).searchParams) !== "") return; // the request already includes its cursor
  const maxBytes = maxHeadBytes - roomBytes - headReserveBytes;
  const bytes = headBytes(request);
  if (bytes <= maxBytes) return;
  const rule = `at most ${maxBytes} bytes of URL and headers together, so that the cursor fits when the stream resumes`;
  const message = `headers: expected ${rule}, got ${bytes}. Send fewer cookies, or serve streams from a host without them.`;
  throw new ServiceError("bad-request", message, { field: "headers" });
}

function headBytes({ method, url, headers }: Request): number {
  const { pathname, search } = new URL(url);
  let bytes = method.length + pathname.length + search.length + "  HTTP/1.1\r\n\r\n".length;
  for (const [name, value] of headers) bytes += name.length + value.length + ": \r\n".length;
  return bytes;
}

function parseHeartbeat(text: string | null): number | undefined {
  if (text === null || text === "") return undefined;
  const { min, max } = heartbeatRange;
  const seconds = /^[0-9]{1,4}$/.test(text) ? Number(text) : 0;
  if (seconds >= min && seconds <= max) return seconds * 1000;
  const got = JSON.stringify(text.slice(0, 20));
  throw new ServiceError(
    "bad-request",
    `heartbeat: expected a whole number of seconds from ${min} to ${max}, got ${got}`,
    {
      field: "heartbeat",
    },
  );
}
