import { describe, expect, test } from "bun:test";
import { getEventListeners } from "node:events";
import { errorTable } from "../../protocol/errors.ts";
import { settle } from "../../tests/client/scripted-environment.ts";
import { PublishError } from "./publish-error.ts";
import { createPublisher, makePublisher, type PublisherOptions } from "./publisher.ts";
import type { PublisherEnvironment } from "./request.ts";

type Body = Readonly<Record<string, unknown>>;
type Answer = (body: Body, init: RequestInit) => Response | Promise<Response>;

const stored = (body: Body) =>
  Response.json({ channel: body.channel, id: body.id, epoch: "e", offset: 1, duplicate: false });
const problem =
  (code: string, status: number, more: object = {}) =>
  () =>
    Response.json({ code, status, detail: `says ${code}`, ...more }, { status });

/** A server that gives these answers, the last one again and again. Time passes only while the publisher waits. */
function makeWorld(answers: readonly Answer[], options: Partial<PublisherOptions> = {}) {
  const bodies: Body[] = [];
  const inits: RequestInit[] = [];
  const waits: number[] = [];
  /** Of the timeouts. They are aborted when they are not needed any more. */
  const timeouts: AbortSignal[] = [];
  let now = 0;
  const environment: PublisherEnvironment = {
    monotonic: () => now,
    random: () => 1,
    // Timeouts are waits that end with the request. They do not move the time.
    sleep: (ms, signal) => {
      if (signal) {
        timeouts.push(signal);
        return new Promise((resolve) => signal.addEventListener("abort", () => resolve()));
      }
      waits.push(ms);
      now += ms;
      return Promise.resolve();
    },
    async fetch(url, init) {
      expect(url.href).toBe("https://push.example.com/base/v1/publish");
      const body = JSON.parse(String(init.body)) as Body;
      inits.push(init);
      const answer = answers[Math.min(bodies.push(body), answers.length) - 1];
      if (answer === undefined) throw new Error("no answer");
      return answer(body, init);
    },
  };
  const publisher = makePublisher({ url: "https://push.example.com/base", apiKey: "the-key", ...options }, environment);
  return { publisher, bodies, inits, waits, timeouts };
}

const errorOf = async (promise: Promise<unknown>) => {
  const error = await promise.then(
    () => undefined,
    (it: unknown) => it,
  );
  if (!(error instanceof PublishError)) throw new Error(`expected a PublishError, got ${error}`);
  return error;
};

describe("a publication", () => {
  test("is one request with the key and an id of its own", async () => {
    const { publisher, bodies, inits } = makeWorld([stored]);
    const options = { event: "paid", headers: { a: "b" }, excludeConnectionId: "c_1" };
    const receipt = await publisher.publish("orders", { total: 9 }, options);
    const [body = {}] = bodies;
    expect(body).toEqual({
      channel: "orders",
      data: { total: 9 },
      event: "paid",
      headers: { a: "b" },
      exclude_connection_id: "c_1",
      id: expect.stringMatching(/^[0-9a-f]{32}$/),
    });
    expect(receipt).toMatchObject({ channel: "orders", offset: 1, id: body.id });
    expect(new Headers(inits[0]?.headers).get("Authorization")).toBe("Bearer the-key");
    expect(inits[0]?.redirect).toBe("manual");
  });

  test("to a user names the user", async () => {
    const { publisher, bodies } = makeWorld([stored]);
    await publisher.push("alice", "Hello", { id: "m-1" });
    expect(bodies).toEqual([{ user_id: "alice", data: "Hello", id: "m-1" }]);
  });

  test("is sent again with the same id after a failure that may pass, ever more slowly", async () => {
    const broken = () => Promise.reject(new TypeError("socket closed"));
    const html = () => new Response("<h1>Bad Gateway</h1>", { status: 502 });
    const { publisher, bodies, waits } = makeWorld([
      broken,
      html,
      problem("draining", 503),
      problem("internal", 500),
      stored,
    ]);
    await publisher.publish("orders", 1);
    expect(new Set(bodies.map(({ id }) => id)).size).toBe(1);
    expect(bodies).toHaveLength(5);
    expect(waits).toEqual([500, 1000, 2000, 4000]);
  });

  test.each([
    ["retry_after_ms", () => Response.json({ code: "rate-limited", retry_after_ms: 4000 }, { status: 429 })],
    ["Retry-After", () => new Response("", { status: 503, headers: { "Retry-After": "4" } })],
  ])("waits as long as %s says", async (_, answer) => {
    const { publisher, waits } = makeWorld([answer, stored]);
    await publisher.publish("orders", 1);
    expect(waits).toEqual([4000]);
  });

  test.each(["unauthorized", "forbidden", "too-large", "too-many-channels"] as const)(
    "is not sent again after %s",
    async (code) => {
      const { status } = errorTable[code];
      const { publisher, bodies } = makeWorld([problem(code, status)]);
      expect(await errorOf(publisher.publish("orders", 1))).toMatchObject({
        code,
        status,
        message: `says ${code}`,
      });
      expect(bodies).toHaveLength(1);
    },
  );

  test("leaves no timer that keeps the program running, and no listener on the caller's signal", async () => {
    const { publisher, timeouts } = makeWorld([stored]);
    const { signal } = new AbortController();
    await publisher.publish("orders", 1, { signal });
    expect(timeouts.map(({ aborted }) => aborted)).toEqual([true]);
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
  });

  test("that breaks a rule names the field", async () => {
    const { publisher } = makeWorld([problem("invalid-field", 422, { field: "channel" })]);
    expect(await errorOf(publisher.publish("", 1, { id: "m1" }))).toMatchObject({ field: "channel", id: "m1" });
  });

  test("is given up when the next attempt would begin after `retryMs`", async () => {
    const { publisher, bodies, waits } = makeWorld([problem("full", 503)], { retryMs: 3500 });
    expect(await errorOf(publisher.publish("orders", 1))).toMatchObject({ code: "full" });
    expect(waits).toEqual([500, 1000, 2000]);
    expect(bodies).toHaveLength(4);
    const once = makeWorld([problem("full", 503)], { retryMs: 0 });
    await errorOf(once.publisher.publish("orders", 1));
    expect(once.bodies).toHaveLength(1);
  });

  test("is not sent again to an address that redirects, or to one that is not a Fanfare server", async () => {
    for (const status of [302, 404, 200]) {
      const { publisher, bodies } = makeWorld([() => new Response("elsewhere", { status })]);
      expect(await errorOf(publisher.publish("orders", 1))).toMatchObject({ code: "unreachable", status });
      expect(bodies).toHaveLength(1);
    }
  });

  test("that the caller aborts fails at once", async () => {
    const hangs: Answer = (_, { signal }) =>
      new Promise((_, reject) => signal?.addEventListener("abort", () => reject(new Error("stopped"))));
    const { publisher, bodies } = makeWorld([hangs]);
    const caller = new AbortController();
    const failed = errorOf(publisher.publish("orders", 1, { signal: caller.signal }));
    await settle();
    caller.abort();
    expect(await failed).toMatchObject({ code: "aborted" });
    expect(await errorOf(publisher.publish("orders", 1, { signal: caller.signal }))).toMatchObject({ code: "aborted" });
    expect(bodies).toHaveLength(1);
  });

  test("that gets no answer in time fails with `timeout`", async () => {
    await using server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Promise<Response>(() => {}) });
    const publisher = createPublisher({ url: server.url.href, timeoutMs: 50, retryMs: 0 });
    expect(await errorOf(publisher.publish("orders", 1))).toMatchObject({ code: "timeout", status: undefined });
    await server.stop(true);
  });

  test("of data that cannot be JSON is a TypeError", async () => {
    const { publisher, bodies } = makeWorld([stored]);
    await expect(publisher.publish("orders", 1n)).rejects.toBeInstanceOf(TypeError);
    expect(bodies).toEqual([]);
  });
});

describe("a batch", () => {
  test("has one result per item, and keeps the order of each target", async () => {
    const begun: unknown[] = [];
    const answer: Answer = async (body) => {
      begun.push(`${body.channel ?? `@${body.user_id}`} ${body.data}`);
      await settle();
      return body.data === 2 ? problem("forbidden", 403)() : stored(body);
    };
    const { publisher } = makeWorld([answer], { concurrency: 2 });
    const results = await publisher.batch([
      { channel: "a", data: 1 },
      { channel: "a", data: 2 },
      { userId: "bob", data: 3 },
      { channel: "a", data: 4 },
      { channel: "b", data: 5 },
    ]);
    expect(results.map(({ error, ...it }) => String(error?.code ?? ("receipt" in it ? "stored" : "nothing")))).toEqual([
      ...["stored", "forbidden", "stored", "stored", "stored"],
    ]);
    expect(begun.filter((it) => String(it).startsWith("a "))).toEqual(["a 1", "a 2", "a 4"]);
    expect(begun).toHaveLength(5);
  });

  test("keeps the order of a target whose first publication has to be retried", async () => {
    const { publisher, bodies } = makeWorld([problem("broker-unavailable", 503), stored]);
    await publisher.batch([1, 2].map((data) => ({ channel: "a", data })));
    expect(bodies.map(({ data }) => data)).toEqual([1, 1, 2]);
  });

  test("sends at most `concurrency` at a time", async () => {
    let running = 0;
    let most = 0;
    const answer: Answer = async (body) => {
      most = Math.max(most, ++running);
      await settle();
      running--;
      return stored(body);
    };
    const { publisher } = makeWorld([answer], { concurrency: 3 });
    // Those to the same target come later, one by one.
    await publisher.batch(Array.from({ length: 40 }, (_, data) => ({ channel: `c${data % 20}`, data })));
    expect(most).toBe(3);
  });
});

test.each([
  [{ url: "push.example.com" }, /^url: /],
  [{ url: "ftp://a" }, /^url: /],
  [{ url: "http://a", timeoutMs: 0 }, /^timeoutMs: expected a number from 1 to 86400000, got 0/],
  [{ url: "http://a", retryMs: 86_400_001 }, /^retryMs: /],
  [{ url: "http://a", concurrency: Number.NaN }, /^concurrency: /],
])("refuses %p", (options, message) => {
  expect(() => createPublisher(options)).toThrow(message);
});
