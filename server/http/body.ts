import { ServiceError } from "../../protocol/errors.ts";

/** How long it may take until the whole body has arrived. */
const bodyMs = 30_000;
/** Stateless between two bodies. */
const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * Reads the body as text.
 * @throws ServiceError "too-large" above the limit, "request-timeout" if it takes too long, "bad-request" if it ends early or is
 * not UTF-8
 */
export async function readBody(request: Request, maxBytes: number, deadlineMs = bodyMs): Promise<string> {
  const declared = request.headers.get("Content-Length");
  if (Number(declared ?? 0) > maxBytes) throw tooLarge(maxBytes);
  if (request.body === null) return "";
  const bytes: Promise<ArrayBuffer | Uint8Array> =
    declared === null ? readChunks(request.body, maxBytes) : request.arrayBuffer();
  const body = await beforeDeadline(bytes.catch(brokenOff), deadlineMs);
  try {
    return utf8.decode(body);
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
function brokenOff(cause: unknown): never {
  if (cause instanceof ServiceError) throw cause;
  throw new ServiceError("bad-request", "body: it ended before it was complete", { field: "body", cause });
}

async function beforeDeadline<T>(bytes: Promise<T>, deadlineMs: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(tooLate(deadlineMs)), deadlineMs);
  });
  try {
    return await Promise.race([bytes, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Created only when needed: the stack trace of an error costs more than reading a small body. */
function tooLate(deadlineMs: number): ServiceError {
  const rule = `body: expected all of it within ${deadlineMs / 1000} s`;
  return new ServiceError("request-timeout", rule, { field: "body" });
}

function tooLarge(maxBytes: number): ServiceError {
  return new ServiceError("too-large", `body: expected at most ${maxBytes} bytes`, { field: "body" });
}
