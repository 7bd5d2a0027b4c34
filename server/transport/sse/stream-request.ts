import type { ChannelName } from "../../../protocol/channel-name.ts";
import { ServiceError } from "../../../protocol/errors.ts";
import { limits } from "../../../protocol/limits.ts";
import { cursorPrefix } from "../../../protocol/position.ts";
import type { Arrival } from "../../hub/arrival.ts";
import { handshakeParameters, lastEventIdOf, type Peer, parseArrival } from "../handshake.ts";

/** What a client asks for with `GET /sse`. */
export interface StreamRequest {
  readonly arrival: Arrival;
  /** Between two `heartbeat` events, milliseconds; undefined where comments will do. */
  readonly heartbeatMs: number | undefined;
}

const streamParameters = [...handshakeParameters, "heartbeat"];
/** Seconds. */
const heartbeatRange = { min: 1, max: 3600 };
/** An epoch and an offset in a cursor, with what surrounds them. */
const positionBytes = 32;
/** The runtime refuses a larger request line with its headers: 431 without a body, which ends an EventSource for good. */
const maxHeadBytes = 16 * 1024;
/** `Last-Event-ID: ` and the line break, and whatever a proxy adds on another day. */
const headReserveBytes = 512;

/** @throws ServiceError "bad-request" that names the parameter and its rule */
export function parseStreamRequest(request: Request, peer: Peer): StreamRequest {
  const arrival: Arrival = { ...parseArrival(request, peer, streamParameters), servesAllowed: true };
  const heartbeatMs = parseHeartbeat(new URL(request.url).searchParams.get("heartbeat"));
  checkCursorFits(arrival.channels, arrival.userId);
  checkHeadHasRoom(request, cursorBytes(arrival.channels, arrival.userId));
  return { arrival, heartbeatMs };
}

/**
 * A stream resumes by its cursor alone, so a request for more channels than a cursor can name is refused. What is accepted
 * here is accepted on every reconnect, because the cursor never becomes longer than this.
 * @throws ServiceError "bad-request"
 */
export function checkCursorFits(channels: readonly ChannelName[], userId: string | undefined): void {
  if (cursorBytes(channels, userId) <= limits.cursorBytes) return;
  const rule = `so few and short names that a cursor of ${limits.cursorBytes} bytes can hold them`;
  throw new ServiceError("bad-request", `channel: expected ${rule}; use a WebSocket for more`, { field: "channel" });
}

/** The longest cursor that a stream in these channels, `all` and the user's own can have. */
function cursorBytes(channels: readonly ChannelName[], userId: string | undefined): number {
  const bytes = channels.reduce((sum, channel) => sum + cursorPrefix(channel, "").length + positionBytes, 0);
  const own = userId === undefined ? 0 : encodeURIComponent(userId).length;
  return bytes + own + 3 * positionBytes;
}

/**
 * When the client reconnects, its request is longer by the cursor. If it were too long then, the stream would end for good
 * in the middle of its life, so a request that leaves no room is refused at the first connect.
 */
function checkHeadHasRoom(request: Request, roomBytes: number): void {
  if (lastEventIdOf(request, new URL(request.url).searchParams) !== "") return; // it got through with its cursor
  const maxBytes = maxHeadBytes - roomBytes - headReserveBytes;
  const bytes = headBytes(request);
  if (bytes <= maxBytes) return;
  const rule = `at most ${maxBytes} bytes of URL and headers together, so that the cursor fits in when the stream resumes`;
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
