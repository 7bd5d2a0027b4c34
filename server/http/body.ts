import { ServiceError } from "../../protocol/errors.ts";

/** How long a body may take to come, however fast its bytes drip. */
const bodyMs = 30_000;
/** Keeps nothing between two bodies. */
const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * The body as text.
 * @throws ServiceError "too-large" above the limit, "request-timeout" for what takes too long, "bad-request" for what breaks
 * off or is not UTF-8
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

/** A body whose size nobody declared: reading stops at the limit, however much there is. */
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

/** The sender went away, or sent chunks that are none. Nobody may be left to be answered, but it is no fault of ours. */
function brokenOff(cause: unknown): never {
  if (cause instanceof ServiceError) throw cause;
  throw new ServiceError("bad-request", "body: it broke off", { field: "body", cause });
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

/** Made when it is needed: the stack of an error costs more than the rest of a small body. */
function tooLate(deadlineMs: number): ServiceError {
  const rule = `body: expected all of it within ${deadlineMs / 1000} s`;
  return new ServiceError("request-timeout", rule, { field: "body" });
}

function tooLarge(maxBytes: number): ServiceError {
  return new ServiceError("too-large", `body: expected at most ${maxBytes} bytes`, { field: "body" });
}
