import { ServiceError } from "../../protocol/errors.ts";
import { Deadlines, type Uses } from "../lib/deadlines.ts";

/** How long it may take until the whole body has arrived. */
const bodyMs = 30_000;
const usualDeadline = new Deadlines(bodyMs);
/** Stateless between two bodies. */
const utf8 = new TextDecoder("utf-8", { fatal: true });

/** The purpose of a body. */
export interface BodyUser<U> {
  useBody(text: string): U | Promise<U>;
}

/**
 * Reads the body as text.
 * @throws ServiceError "unsupported-media-type" for an encoded one, which is not read, "too-large" above the limit,
 * "request-timeout" if it takes too long, "bad-request" if it ends early or is not UTF-8
 */
export function readBody(request: Request, maxBytes: number, deadline = usualDeadline): Promise<string> {
  return deadline.limit(bytesOf(request, maxBytes), usesFor<string>(), reader);
}

/** The response that a body leads to. Hot path: without a promise for the text. @throws as `readBody`, and what the user throws */
export function useBody(request: Request, maxBytes: number, user: BodyUser<Response>): Promise<Response> {
  return usualDeadline.limit(bytesOf(request, maxBytes), responseUses, user);
}

const reader: BodyUser<string> = { useBody: (text) => text };

/**
 * Whether a request has a body that nobody has read, for example because its key is wrong. Its client could send it byte by byte
 * and keep the connection open forever, so the connection is closed instead of waiting for the rest.
 */
export function hasUnreadBody({ bodyUsed, headers }: Request): boolean {
  if (bodyUsed) return false;
  const length = headers.get("Content-Length");
  return length === null ? headers.has("Transfer-Encoding") : length !== "0";
}

type Bytes = ArrayBuffer | Uint8Array;

function bytesOf(request: Request, maxBytes: number): Promise<Bytes> {
  const encoding = request.headers.get("Content-Encoding");
  if (encoding !== null && !/^(identity)?$/i.test(encoding)) return Promise.reject(encoded(encoding));
  const declared = request.headers.get("Content-Length");
  if (declared === null) {
    // Only here, because asking for the stream makes the runtime build one: a tenth of a small request (bench/direct).
    const { body } = request;
    return body === null ? Promise.resolve(new Uint8Array()) : readChunks(body, maxBytes);
  }
  return Number(declared) > maxBytes ? Promise.reject(tooLarge(maxBytes)) : request.arrayBuffer();
}

function decode(bytes: Bytes): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new ServiceError("bad-request", "body: expected UTF-8", { field: "body", cause });
  }
}

/** Reads a body without Content-Length. Stops at the limit. */
async function readChunks(body: ReadableStream<Uint8Array>, maxBytes: number): Promise<Uint8Array> {
  const reader = body.getReader();
  const chunks: Uint8Array[] = [];
  for (let bytes = 0; ; ) {
    const { done, value } = await reader.read();
    if (done) return Buffer.concat(chunks);
    bytes += value.byteLength;
    if (bytes > maxBytes) {
      await reader.cancel();
      throw tooLarge(maxBytes);
    }
    chunks.push(value);
  }
}

/** The client disconnected or sent invalid chunks. This is not a bug, even if nobody may be left to read the response. */
function brokenOff(cause: unknown): unknown {
  if (cause instanceof ServiceError) return cause;
  return new ServiceError("bad-request", "body: it ended before it was complete", { field: "body", cause });
}

/** Not decompressed: a few bytes of it could become gigabytes, and a limit would have to count both. */
function encoded(encoding: string): ServiceError {
  const rule = `Content-Encoding: expected a body without an encoding, got ${JSON.stringify(encoding.slice(0, 60))}`;
  return new ServiceError("unsupported-media-type", rule, { field: "Content-Encoding" });
}

function tooLate(): ServiceError {
  const rule = `body: expected all of it within ${bodyMs / 1000} s`;
  return new ServiceError("request-timeout", rule, { field: "body" });
}

function tooLarge(maxBytes: number): ServiceError {
  return new ServiceError("too-large", `body: expected at most ${maxBytes} bytes`, { field: "body" });
}

function usesFor<U>(): Uses<Bytes, U, BodyUser<U>> {
  return { use: (bytes, user) => user.useBody(decode(bytes)), errorOf: brokenOff, makeLateError: tooLate };
}

const responseUses = usesFor<Response>();
