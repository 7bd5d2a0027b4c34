import { startServer } from "../../e2e/server.ts";
import { until } from "../../waiting.ts";
import { Subscriber } from "./subscriber.ts";
import { judge, type Place, type Verdict } from "./verdict.ts";

const channels = ["room:a", "room:b", "room:c"];
const subscribersPerNode = 4;
const publishersPerNode = 2;
/** The pause between two messages of one publisher. */
const pauseMs = 10;
/** How many messages of each publisher are acknowledged before the disruption, and again after it. */
const calmMessages = 40;
const settleTimeoutMs = 90_000;
/** How long a publisher retries. Redis is unavailable for seconds, and for a minute with `npm run test:long`. */
const publishMs = 120_000;
/**
 * A node knows the others after three seconds. Its connection counts until its last message, which may be two seconds old
 * when the connection breaks.
 */
const introducedMs = 6000;

export interface LossPlan {
  readonly name: string;
  readonly redisUrl: string;
  /** The address for the first node, if it reaches the same Redis another way. */
  readonly firstRedisUrl?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** A program that breaks something and then runs the real server. */
  readonly main?: string;
  /** How long the last messages may take to reach all subscribers, milliseconds. */
  readonly settleMs?: number;
  /** Disrupts Redis while it is in use. Resolves once the disruption is over. */
  disrupt(load: Load): Promise<void>;
}

/** Conditions that a disruption can wait for. */
export interface Load {
  /** Resolves once every publisher has published some more. */
  calm(): Promise<unknown>;
  /** Resolves once every publisher was refused, or got no answer. */
  untilRefused(): Promise<unknown>;
  /** Resolves once the nodes know each other. Before, they do not confirm that nothing was lost. */
  untilIntroduced(): Promise<unknown>;
}

export interface LossResult extends Verdict {
  readonly name: string;
  readonly acknowledged: number;
  /** Answers that were not acknowledgements. After each, a retry with the same ID succeeded. */
  readonly errors: number;
  readonly closes: number;
  readonly notices: number;
  readonly longestSilenceMs: number;
}

/** Two nodes on one Redis, subscribers and publishers on both, and one disruption. Prints the result. */
export async function runLoss(plan: LossPlan): Promise<LossResult> {
  await using nodes = new AsyncDisposableStack();
  const urls: string[] = [];
  for (const redisUrl of [plan.firstRedisUrl ?? plan.redisUrl, plan.redisUrl]) {
    const env = { REDIS_URL: redisUrl, NOTICES: "off", MESSAGE_RATE: "0", ...plan.env };
    urls.push(nodes.use(await startServer({ env, ...(plan.main === undefined ? {} : { main: plan.main }) })).url);
  }
  const startedAt = performance.now();
  const subscribers = urls.flatMap((url) =>
    Array.from({ length: subscribersPerNode }, () => new Subscriber(`${url.replace(/^http/, "ws")}/ws`, channels)),
  );
  nodes.defer(() => {
    for (const it of subscribers) it.stop();
  });
  await Promise.all(subscribers.map((it) => it.start()));
  const publishers = urls.flatMap((url, node) =>
    Array.from({ length: publishersPerNode }, (_, n) => new Publisher(url, `${node}.${n}`)),
  );
  for (const it of publishers) it.start();
  const calm = () => Promise.all(publishers.map((it) => it.untilMore(calmMessages)));
  await calm();
  await plan.disrupt({
    calm,
    untilRefused: () => Promise.all(publishers.map((it) => it.untilRefused())),
    untilIntroduced: () => until(() => performance.now() > startedAt + introducedMs, "the nodes know each other"),
  });
  await calm();
  const [first] = publishers;
  await Promise.all(publishers.map((it) => it.stop()));
  const unsettled = await settle(first, subscribers, plan.settleMs ?? settleTimeoutMs);
  const acknowledged = new Map(publishers.flatMap((it) => Array.from(it.acknowledged)));
  const verdict = judge(
    acknowledged,
    subscribers.map(({ received }) => received),
  );
  const result = {
    name: plan.name,
    acknowledged: acknowledged.size,
    errors: publishers.reduce((sum, it) => sum + it.errors, 0),
    ...verdict,
    faults: [...verdict.faults, ...unsettled],
    closes: subscribers.reduce((sum, { closes }) => sum + closes, 0),
    notices: subscribers.reduce((sum, { notices }) => sum + notices, 0),
    longestSilenceMs: Math.round(Math.max(...subscribers.map((it) => it.longestSilenceMs))),
  };
  console.log(`loss: ${JSON.stringify(result)}`);
  return result;
}

/**
 * Waits until a last message in each channel, and so everything before it, has reached all subscribers.
 * @returns where it did not
 */
async function settle(
  publisher: Publisher | undefined,
  subscribers: readonly Subscriber[],
  settleMs: number,
): Promise<readonly string[]> {
  const faults: string[] = [];
  for (const channel of channels) {
    const text = (await publisher?.publish(channel)) ?? "";
    const hasAll = () => subscribers.every((it) => it.has(channel, text));
    try {
      await until(hasAll, "", settleMs);
    } catch {
      faults.push(`${channel}: the last message did not reach everybody`);
    }
  }
  return faults;
}

/** Publishes one message after the other over HTTP, and retries each until it is acknowledged. */
class Publisher {
  readonly acknowledged = new Map<string, Place>();
  errors = 0;
  readonly #url: string;
  readonly #name: string;
  #published = 0;
  #isStopping = false;
  #loop = Promise.resolve();

  constructor(url: string, name: string) {
    this.#url = url;
    this.#name = name;
  }

  start(): void {
    const run = async () => {
      while (!this.#isStopping) {
        await this.publish(channels[this.#published % channels.length] ?? "");
        await Bun.sleep(pauseMs);
      }
    };
    this.#loop = run();
    this.#loop.catch(() => undefined); // thrown to those who wait for this publisher
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#loop;
  }

  async untilMore(count: number): Promise<void> {
    const wanted = this.acknowledged.size + count;
    const isThere = () => this.acknowledged.size >= wanted;
    await Promise.race([this.#loop, until(isThere, `${count} more messages are acknowledged`)]);
  }

  async untilRefused(): Promise<void> {
    const before = this.errors;
    await Promise.race([this.#loop, until(() => this.errors > before, "a publisher is refused")]);
  }

  /** @throws Error with the last answer if it is refused for too long */
  async publish(channel: string): Promise<string> {
    const text = `${this.#name}:${this.#published++}`;
    const id = crypto.randomUUID();
    const giveUpAt = performance.now() + publishMs;
    let last = "none";
    while (performance.now() < giveUpAt) {
      try {
        const answer = await fetch(`${this.#url}/v1/publish`, {
          method: "POST",
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify({ channel, message: text, id }),
          signal: AbortSignal.timeout(15_000),
        });
        if (answer.status === 200) {
          const { epoch, offset } = (await answer.json()) as Place;
          this.acknowledged.set(text, { channel, epoch, offset });
          return text;
        }
        last = await answer.text();
      } catch (error) {
        last = String(error); // It may or may not be stored. The retry shows which.
      }
      this.errors++;
      await Bun.sleep(100);
    }
    throw new Error(`a message in ${channel} was not acknowledged within ${publishMs} ms; the last answer: ${last}`);
  }
}
