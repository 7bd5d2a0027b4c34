import { backoff } from "../lib/backoff.ts";
import { type Answer, askServer, type Question, refused, unreachable } from "./ask-server.ts";
import type { World } from "./world.ts";

/** What the server says of a publication that is stored. */
export interface Receipt {
  readonly channel: string;
  readonly id: string;
  readonly offset: number | undefined;
  readonly duplicate: boolean;
  /** For a user: whether there is a connection now. */
  readonly connected: boolean | undefined;
  /** The whole answer. */
  readonly value: unknown;
}

/** The first try and three more: 0.2 to 2.8 s in all, which is longer than a server takes to restart. */
const maxTries = 4;
const waits = { firstMs: 400, maxMs: 1600 };
/** A server that wants to be asked later than this is told as a failure. Milliseconds. */
const maxWaitMs = 10_000;

/**
 * Publishes, and tries again where nothing answered or the server asks for patience: the body carries an id, so it is
 * stored once all the same.
 * @throws CommandError
 */
export async function publishSurely(question: Question, sleep: World["sleep"]): Promise<Receipt> {
  for (let tries = 1; ; tries++) {
    const isLast = tries === maxTries;
    const answer = await tryOnce(question, isLast);
    if (answer !== undefined && answer.status < 300) return receiptOf(question, answer);
    const waitMs = Math.max(answer?.retryAfterMs ?? 0, backoff(tries, waits));
    if (answer !== undefined && (isLast || !isRetryable(answer) || waitMs > maxWaitMs)) throw refused(question, answer);
    await sleep(waitMs);
  }
}

/** Undefined where nothing answered. */
async function tryOnce(question: Question, isLast: boolean): Promise<Answer | undefined> {
  try {
    return await askServer(question);
  } catch (error) {
    if (isLast) throw unreachable(question.address, error);
    return undefined;
  }
}

function isRetryable({ status }: Answer): boolean {
  return status === 429 || status === 502 || status === 503 || status === 504;
}

function receiptOf(question: Question, answer: Answer): Receipt {
  const { value } = answer;
  if (typeof value !== "object" || value === null) throw refused(question, answer);
  const { channel, id, offset, duplicate, connected } = value as Readonly<Record<string, unknown>>;
  if (typeof channel !== "string" || typeof id !== "string") {
    throw refused(question, { ...answer, value: undefined });
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
