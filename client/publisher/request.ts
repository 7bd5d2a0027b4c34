import { isRetryable } from "../../protocol/errors.ts";
import { askedWait, backoff } from "../backoff.ts";
import { PublishError, type PublishErrorCode } from "./publish-error.ts";

/** The runtime as the publisher uses it, passed in so that a test can replace it. */
export interface PublisherEnvironment {
  /** Milliseconds since some fixed time; never goes back. */
  monotonic(): number;
  /** From 0 up to 1. */
  random(): number;
  /** Resolves after that time, or at once when the signal is aborted. */
  sleep(ms: number, signal: AbortSignal | undefined): Promise<void>;
  fetch(url: URL, init: RequestInit): Promise<Response>;
}

export const systemEnvironment: PublisherEnvironment = {
  monotonic: () => performance.now(),
  random: Math.random,
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      signal?.addEventListener("abort", end);
    }),
  // Called on the global object, and looked up for each call, because tools that trace requests replace it.
  fetch: (url, init) => fetch(url, init),
};

export interface PublishRequest {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly id: string;
  readonly signal: AbortSignal | undefined;
  readonly timeoutMs: number;
  readonly retryMs: number;
}

/** Statuses of proxies and of overloaded servers that answer without a code. */
const retryableStatuses = [408, 429, 502, 503, 504];

/** A failed attempt. */
interface Failure {
  readonly error: PublishError;
  readonly canRetry: boolean;
  /** The least delay that the server asked for. Milliseconds. */
  readonly waitMs: number;
}

/**
 * Sends until there is an answer that is final. A retry that would begin after `retryMs` is not made.
 * @returns the JSON of the answer
 * @throws PublishError of the last attempt
 */
export async function sendWithRetry(request: PublishRequest, environment: PublisherEnvironment): Promise<unknown> {
  const { signal, retryMs } = request;
  const startedAt = environment.monotonic();
  for (let failures = 0; ; failures++) {
    const result = await attempt(request, environment);
    if (!("error" in result)) return result.value;
    const waitMs = Math.max(result.waitMs, backoff(failures, environment.random()));
    const isOver = environment.monotonic() + waitMs - startedAt > retryMs;
    if (signal?.aborted || !result.canRetry || isOver) throw result.error;
    await environment.sleep(waitMs, signal);
  }
}

async function attempt(
  { url, headers, body, id, signal, timeoutMs }: PublishRequest,
  { fetch, sleep }: PublisherEnvironment,
): Promise<{ readonly value: unknown } | Failure> {
  const stop = new AbortController();
  const end = () => stop.abort();
  signal?.addEventListener("abort", end);
  let isLate = false;
  void sleep(timeoutMs, stop.signal).then(() => {
    isLate = !stop.signal.aborted;
    stop.abort();
  });
  try {
    if (signal?.aborted) throw signal.reason;
    // Redirects are not followed: the key belongs to the server in the URL.
    const response = await fetch(url, { method: "POST", headers, body, redirect: "manual", signal: stop.signal });
    const text = await response.text();
    return readAnswer(response, text, id);
  } catch (cause) {
    const [code, message]: [PublishErrorCode, string] = signal?.aborted
      ? ["aborted", "aborted by the caller"]
      : isLate
        ? ["timeout", `no answer from ${url.origin} within ${timeoutMs} ms`]
        : ["unreachable", `no answer from ${url.origin}: ${cause instanceof Error ? cause.message : cause}`];
    return { error: new PublishError(code, message, { id, cause }), canRetry: code !== "aborted", waitMs: 0 };
  } finally {
    stop.abort();
    signal?.removeEventListener("abort", end);
  }
}

function readAnswer(response: Response, text: string, id: string): { readonly value: unknown } | Failure {
  const { status, headers } = response;
  const value = parse(text);
  if (response.ok && value) return { value };
  const { code, detail, field, retry_after_ms } = value ?? {};
  const askedMs = typeof retry_after_ms === "number" ? retry_after_ms : Number(headers.get("Retry-After")) * 1000;
  const isOurs = typeof code === "string";
  return {
    error: new PublishError(
      isOurs ? (code as PublishErrorCode) : "unreachable",
      typeof detail === "string" ? detail : `the answer is not from a Fanfare server: HTTP ${status}`,
      { id, status, field: typeof field === "string" ? field : undefined },
    ),
    canRetry: isOurs ? isRetryable(code) : retryableStatuses.includes(status),
    waitMs: askedWait(askedMs),
  };
}

/** Undefined if it is not a JSON object. */
function parse(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : undefined;
  } catch {
    return undefined; // an error page of a proxy
  }
}
