import { ServiceError } from "../../protocol/errors.ts";

/** How long a body may take to come, however fast its bytes drip. */
const bodyMs = 30_000;

/**
 * The body as text.
 * @throws ServiceError "too-large" above the limit, "request-timeout" for what takes too long, "bad-request" for what breaks
 * off or is not UTF-8
 */
export async function readBody(request: Request, maxBytes: number): Promise<string> {
  const declared = Number(request.headers.get("Content-Length") ?? 0);
  if (declared > maxBytes) throw tooLarge(maxBytes);
  if (request.body === null) return "";
  const bytes = await beforeDeadline(request.arrayBuffer().catch(brokenOff));
  if (bytes.byteLength > maxBytes) throw tooLarge(maxBytes);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new ServiceError("bad-request", "body: expected UTF-8", { field: "body", cause });
  }
}

/** The sender went away, or sent chunks that are none. Nobody may be left to be answered, but it is no fault of ours. */
function brokenOff(cause: unknown): never {
  throw new ServiceError("bad-request", "body: it broke off", { field: "body", cause });
}

async function beforeDeadline(bytes: Promise<ArrayBuffer>): Promise<ArrayBuffer> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = new ServiceError("request-timeout", `body: expected all of it within ${bodyMs / 1000} s`, {
      field: "body",
    });
    timer = setTimeout(() => reject(error), bodyMs);
  });
  try {
    return await Promise.race([bytes, late]);
  } finally {
    clearTimeout(timer);
  }
}

function tooLarge(maxBytes: number): ServiceError {
  return new ServiceError("too-large", `body: expected at most ${maxBytes} bytes`, { field: "body" });
}
