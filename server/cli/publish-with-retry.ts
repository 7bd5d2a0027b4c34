import { backoff } from "../lib/backoff.ts";
import { type ApiRequest, type ApiResponse, refused, sendRequest, unreachable } from "./api-request.ts";
import type { CliEnvironment } from "./cli-environment.ts";

/** The server's response to a publication that is stored. */
export interface Receipt {
  readonly channel: string;
  readonly id: string;
  readonly offset: number | undefined;
  readonly duplicate: boolean;
  /** With --user: whether the user is connected. */
  readonly connected: boolean | undefined;
  /** The whole response body. */
  readonly value: unknown;
}

/** The first attempt and three retries, over 0.2 to 2.8 s: usually longer than a server takes to restart. */
const maxTries = 4;
const waits = { firstMs: 400, maxMs: 1600 };
/** If the server asks to wait longer than this, the command fails. Milliseconds. */
const maxWaitMs = 10_000;

/**
 * Publishes, and retries if there is no response or the server says to try later. The body contains an id, so the message
 * is stored only once.
 * @throws CommandError
 */
export async function publishWithRetry(request: ApiRequest, sleep: CliEnvironment["sleep"]): Promise<Receipt> {
  for (let tries = 1; ; tries++) {
    const isLast = tries === maxTries;
    const response = await tryOnce(request, isLast);
    if (response !== undefined && response.status < 300) return receiptOf(request, response);
    const waitMs = Math.max(response?.retryAfterMs ?? 0, backoff(tries, waits));
    if (response !== undefined && (isLast || !isRetryable(response) || waitMs > maxWaitMs))
      throw refused(request, response);
    await sleep(waitMs);
  }
}

/** Undefined if there was no response. */
async function tryOnce(request: ApiRequest, isLast: boolean): Promise<ApiResponse | undefined> {
  try {
    return await sendRequest(request);
  } catch (error) {
    if (isLast) throw unreachable(request.address, error);
    return undefined;
  }
}

function isRetryable({ status }: ApiResponse): boolean {
  return status === 429 || status === 502 || status === 503 || status === 504;
}

function receiptOf(request: ApiRequest, response: ApiResponse): Receipt {
  const { value } = response;
  if (typeof value !== "object" || value === null) throw refused(request, response);
  const { channel, id, offset, duplicate, connected } = value as Readonly<Record<string, unknown>>;
  if (typeof channel !== "string" || typeof id !== "string") {
    throw refused(request, { ...response, value: undefined });
  }
  return {
    channel,
    id,
    offset: typeof offset === "number" ? offset : undefined,
    duplicate: duplicate === true,
    connected: typeof connected === "boolean" ? connected : undefined,
    value,
  };
}
