import { afterEach, describe, expect, test } from "bun:test";
import { closeTable } from "../../../protocol/close-codes.ts";
import { ServiceError } from "../../../protocol/errors.ts";
import { parseCursor } from "../../../protocol/position.ts";
import { RawSocket } from "../../../tests/e2e/raw-socket.ts";
import { StreamUnderTest } from "../../../tests/e2e/stream.ts";
import type { TestHubOptions } from "../../../tests/fakes/hub.ts";
import { RealServer } from "../../../tests/fakes/real-server.ts";
import { noGrants } from "../../auth/grants.ts";

let server: RealServer;
afterEach(() => server.close());

async function begin(options?: TestHubOptions, streamLifetimeMs = 0): Promise<string> {
  server = await RealServer.start(options, { streamLifetimeMs });
  return `http://127.0.0.1:${server.port}/sse`;
}

/** Flushes. */
async function publish(channel: string, message: string): Promise<void> {
  await server.test.publish(channel, message);
  server.test.hub.delivery.flushNow();
}

describe("an event stream", () => {
  test("has headers that forbid caching and buffering", async () => {
    using stream = await StreamUnderTest.open(await begin());
    const { status, headers } = stream.response;
    expect([
      status,
      headers.get("Content-Type"),
      headers.get("Cache-Control"),
      headers.get("X-Accel-Buffering"),
    ]).toEqual([200, "text/event-stream; charset=utf-8", "no-store, no-transform", "no"]);
    expect(stream.blocks[0]).toMatchObject({ event: "system" });
  });

  test("sends publications without an event name, system frames with one, and the cursor in the last block of a write", async () => {
    using stream = await StreamUnderTest.open(`${await begin()}?channel=a`);
    await publish("a", "1");
    await stream.untilMessages(1);
    const last = stream.blocks.at(-1);
    expect(last?.event).toBeUndefined();
    expect(last?.id).toMatch(/,a~[^,]+~1$/);
  });

  test("sends the retry time in its first event", async () => {
    using stream = await StreamUnderTest.open(await begin());
    const retry = Number(stream.blocks[0]?.retry);
    expect(retry >= 1000 && retry <= 3000).toBe(true);
  });

  test("resumes all its channels from the last event ID", async () => {
    const url = `${await begin()}?channel=a&channel=b`;
    const first = await StreamUnderTest.open(url);
    await publish("a", "1");
    await first.untilMessages(1);
    const id = first.lastEventId;
    first[Symbol.dispose]();
    await server.untilEmpty();
    for (const channel of ["b", "a", "all"]) await publish(channel, "missed");
    using second = await StreamUnderTest.open(url, { "Last-Event-ID": id });
    // The test moves the clock. A lagging session receives its messages in the next turn of that clock.
    await server.test.settle();
    const messages = await second.untilMessages(3);
    expect(messages.map(({ channel, offset }) => `${channel} ${offset}`).sort()).toEqual(["a 2", "all 1", "b 1"]);
  });

  test.each([
    ["from another server", "1789"],
    ["truncated", "a~e1~17,room%3A1~q7"],
    ["too long", `a~e1~${"1".repeat(4100)}`],
    ["not text", "\u00ff\u00fe"],
  ])(
    "that resumes with an invalid cursor (%s) is told that it was not recovered, and receives the whole history",
    async (_, id) => {
      const url = `${await begin()}?channel=a`;
      await publish("a", "1");
      using stream = await StreamUnderTest.open(url, { "Last-Event-ID": id });
      await server.test.settle();
      expect(stream.response.status).toBe(200);
      expect(stream.welcome.channels).toMatchObject({
        a: { offset: 1, from: 1, recovered: false, reason: "epoch-changed" },
        all: { recovered: false, reason: "epoch-changed" },
      });
      await stream.untilMessages(1);
    },
  );

  test("resumes from `lastEventId=` too, for polyfills that cannot set a header, and the header takes precedence", async () => {
    const url = `${await begin()}?channel=a`;
    using first = await StreamUnderTest.open(url);
    await publish("a", "1");
    await publish("a", "2");
    await first.untilMessages(2);
    const ids = first.blocks.flatMap(({ id }) => (id === undefined ? [] : [id]));
    const query = (id = "") => `${url}&lastEventId=${encodeURIComponent(id)}`;
    using byQuery = await StreamUnderTest.open(query(ids[1]));
    expect(byQuery.welcome.channels).toMatchObject({ a: { from: 2, recovered: true } });
    using byHeader = await StreamUnderTest.open(query(ids[1]), { "Last-Event-ID": ids[2] ?? "" });
    expect(byHeader.welcome.channels).toMatchObject({ a: { from: 3, recovered: true } });
  });

  test("opens with the allowed channels, and names the refused one", async () => {
    using stream = await StreamUnderTest.open(`${await begin()}?user_id=alice&channel=@bob&channel=a`);
    const refusal = await stream.until(({ type }) => type === "error");
    expect(refusal).toMatchObject({ code: "forbidden", channel: "@bob" });
    expect(stream.blocks.find(({ data }) => data?.includes('"error"'))?.event).toBe("system");
    expect(Object.keys(stream.welcome.channels ?? {}).sort()).toEqual(["@alice", "a", "all"]);
    await publish("a", "1");
    await stream.untilMessages(1);
  });

  test("sends a comment every 15 seconds, and the next event is intact", async () => {
    const url = `${await begin()}?channel=a`;
    const raw = await RawSocket.connect(server.port);
    let text = "";
    raw.onData = (chunk) => {
      text += chunk.toString("latin1");
    };
    raw.write(`GET ${new URL(url).pathname}?channel=a HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    await raw.until(() => text.includes("welcome"));
    server.test.clock.move(14_000);
    await publish("a", "1");
    await raw.until(() => text.includes('"message":"1"'));
    expect(text).not.toContain("\r\n:\n");
    server.test.clock.move(2000);
    await raw.until(() => text.includes("\r\n:\n\r\n"));
    await publish("a", "2");
    await raw.until(() => text.includes('"message":"2"'));
    raw[Symbol.dispose]();
  });

  test.each(["", "?heartbeat=5"])("leaves no timer behind: %j", async (query) => {
    const url = await begin(undefined, 600_000);
    const timersWhen = async (ms: number) => {
      await server.test.clock.moveInSteps(ms, 1000);
      return server.test.clock.pending;
    };
    const lingerMs = 20_000; // more than the presence of a client may take
    const before = await timersWhen(lingerMs); // without those of the start
    const stream = await StreamUnderTest.open(`${url}${query}`);
    expect(await timersWhen(0)).toBeGreaterThan(before);
    stream[Symbol.dispose]();
    await server.untilEmpty();
    expect(await timersWhen(lingerMs)).toBe(before);
  });

  test("sends heartbeat events instead of comments if the client asks for them", async () => {
    using stream = await StreamUnderTest.open(`${await begin()}?heartbeat=5`);
    const beats = () => stream.frames.filter(({ event }) => event === "heartbeat").length;
    server.test.clock.move(4999);
    expect(beats()).toBe(0);
    for (const wanted of [1, 2, 3]) {
      server.test.clock.move(5000);
      await stream.until(() => beats() === wanted);
    }
    expect(stream.blocks.at(-1)).toMatchObject({ event: "system", id: stream.lastEventId });
  });

  test.each(["0", "3601", "1.5", "soon", "-1"])("rejects heartbeat=%s", async (text) => {
    using stream = await StreamUnderTest.connect(`${await begin()}?heartbeat=${text}`);
    expect(stream.response.status).toBe(400);
  });

  test("answers HEAD with the headers of GET, without a session", async () => {
    const url = await begin();
    using stream = await StreamUnderTest.open(`${url}?channel=a`);
    const head = await fetch(`${url}?channel=a`, { method: "HEAD" });
    expect([head.status, await head.text(), server.test.hub.connections.size]).toEqual([200, "", 1]);
    for (const name of ["Content-Type", "Cache-Control", "X-Accel-Buffering"]) {
      expect([name, head.headers.get(name)]).toEqual([name, stream.response.headers.get(name)]);
    }
    expect((await fetch(`${url}?channel=a%20b`, { method: "HEAD" })).status).toBe(400);
  });

  test.each([
    ["full", new ServiceError("full", "no more connections", { retryAfterMs: 5000 }), 5000],
    ["draining", new ServiceError("draining", "shutting down"), 2000],
  ])(
    "that is refused for now (%s) is answered with 200 and a retry time, since any other status would end it for good",
    async (_, error, ms) => {
      const url = await begin();
      server.test.hub.reception.closedBecause = error;
      using stream = await StreamUnderTest.connect(url);
      await stream.untilEnded();
      const retry = Number(stream.blocks[0]?.retry);
      expect([stream.response.status, retry >= ms && retry <= 2 * ms]).toEqual([200, true]);
      expect(stream.frames).toEqual([
        { type: "system", event: "closing", code: 4053, reason: error.message, reconnect_after_ms: retry },
      ]);
    },
  );

  test("that is refused for now holds its connection no longer than the answer takes", async () => {
    await begin();
    server.test.hub.reception.closedBecause = new ServiceError("full", "no room");
    using raw = await RawSocket.connect(server.port);
    raw.write("GET /sse HTTP/1.1\r\nHost: localhost\r\n\r\n");
    await raw.until(() => raw.isEnded);
    expect(raw.received).toContain('"code":4053');
  });
});

describe("a stream of a user limited to one connection", () => {
  const settings = { userConnections: "reject" } as const;

  test("is answered with 200 and the reason while another connection has the user", async () => {
    const url = `${await begin({ settings })}?user_id=u`;
    using _first = await StreamUnderTest.open(url);
    using second = await StreamUnderTest.connect(url);
    await second.untilEnded();
    expect(second.response.status).toBe(200);
    expect(second.frames).toMatchObject([{ event: "closing", code: 4501 }]);
    expect(Number(second.blocks[0]?.retry)).toBeLessThanOrEqual(4000);
  });

  test("gets the user on a retry if the client of the other connection is gone", async () => {
    const url = `${await begin({ settings })}?user_id=u`;
    using first = await StreamUnderTest.open(url);
    server.test.clock.move(15_000);
    using refused = await StreamUnderTest.connect(url);
    await first.untilEnded(); // The server can write to it, but a client that is gone does not reconnect.
    await refused.untilEnded();
    await server.untilEmpty();
    using second = await StreamUnderTest.open(url);
    expect(second.welcome.user_id).toBe("u");
  });

  test("keeps the user if its client is alive: it resumes before the new one retries, and misses nothing", async () => {
    const url = `${await begin({ settings })}?user_id=u`;
    using first = await StreamUnderTest.open(url);
    server.test.clock.move(15_000);
    using refused = await StreamUnderTest.connect(url);
    await first.untilEnded();
    await refused.untilEnded();
    expect(first.frames.at(-1)).toMatchObject({ event: "closing", code: 1001 });
    expect(Number(first.blocks.at(-1)?.retry)).toBeLessThan(Number(refused.blocks.at(-1)?.retry));
    await server.untilEmpty();
    await publish("@u", "1");
    using resumed = await StreamUnderTest.open(url, { "Last-Event-ID": first.lastEventId });
    await server.test.settle();
    await resumed.untilMessages(1);
    // It has just proved to be alive, so it is not tested again for a while.
    server.test.clock.move(14_000);
    using again = await StreamUnderTest.connect(url);
    await again.untilEnded();
    expect([again.frames[0]?.code, server.session.closed]).toEqual([4501, undefined]);
  });
});

describe("the end of a stream", () => {
  test.each([
    [{ name: "token-expired" }, 4010, true],
    [{ name: "too-slow" }, 4008, true],
    [{ name: "restarting" }, 1012, true],
    [{ name: "replaced" }, 4502, false],
    [{ name: "disconnected", text: "go away" }, 4504, false],
  ] as const)(
    "by %j is announced in a last event with the code, the reason and the cursor",
    async (reason, code, reconnects) => {
      using stream = await StreamUnderTest.open(`${await begin()}?channel=a`);
      await publish("a", "1");
      await stream.untilMessages(1);
      const before = stream.lastEventId;
      server.session.close(reason);
      await stream.untilEnded();
      const last = stream.blocks.at(-1);
      const text = "text" in reason ? reason.text : closeTable[reason.name].reason;
      expect(stream.frames.at(-1)).toMatchObject({ type: "system", event: "closing", code, reason: text });
      expect([last?.event, last?.id]).toEqual(["system", before]);
      const retry = Number(last?.retry);
      expect(stream.frames.at(-1)?.reconnect_after_ms).toBe(reconnects ? retry : undefined);
      expect(reconnects ? retry <= 5000 : retry === 86_400_000).toBe(true);
      expect(before).toMatch(/a~[^,]+~1$/);
    },
  );

  test("is at 80 to 100 % of its lifetime, and the next stream resumes", async () => {
    const url = `${await begin({}, 600_000)}?channel=a`;
    using stream = await StreamUnderTest.open(url);
    await publish("a", "1");
    await stream.untilMessages(1);
    await server.test.clock.moveInSteps(479_000, 1000);
    expect(server.session.closed).toBeUndefined();
    await server.test.clock.moveInSteps(121_000, 1000);
    await stream.untilEnded();
    expect(stream.frames.at(-1)).toMatchObject({ event: "closing", code: 1001 });
    expect(Number(stream.blocks.at(-1)?.retry)).toBeLessThanOrEqual(100);
    await server.untilEmpty();
    await publish("a", "2");
    using next = await StreamUnderTest.open(url, { "Last-Event-ID": stream.lastEventId });
    await server.test.settle();
    expect((await next.untilMessages(1)).map(({ offset }) => offset)).toEqual([2]);
  });

  test("is never caused by its age if the lifetime is 0", async () => {
    using stream = await StreamUnderTest.open(await begin());
    await server.test.clock.moveInSteps(86_400_000, 15_000);
    expect([stream.isEnded, server.session.closed]).toEqual([false, undefined]);
  });
});

describe("a cursor that would be too long for a reconnect", () => {
  const long = (count: number) => Array.from({ length: count }, (_, at) => `channel=${"x".repeat(60)}${at}`).join("&");

  test("is refused when its channels are requested, and one that fits keeps fitting", async () => {
    const url = await begin();
    using refused = await StreamUnderTest.connect(`${url}?${long(60)}`);
    expect(refused.response.status).toBe(400);
    using taken = await StreamUnderTest.open(`${url}?${long(40)}`);
    expect(parseCursor(taken.lastEventId)?.size).toBe(41);
    using again = await StreamUnderTest.open(`${url}?${long(40)}`, { "Last-Event-ID": taken.lastEventId });
    expect(again.response.status).toBe(200);
  });

  test("is refused at the first connect if it would not fit beside the cookies", async () => {
    const url = `${await begin()}?${long(40)}`;
    const cookie = async (bytes: number, id: Record<string, string> = {}) => {
      using stream = await StreamUnderTest.connect(url, { Cookie: "c".repeat(bytes), ...id });
      return stream.response.status;
    };
    let [taken, refused] = [0, 16_000];
    while (refused - taken > 1) {
      const half = Math.floor((taken + refused) / 2);
      if ((await cookie(half)) === 200) taken = half;
      else refused = half;
    }
    expect(await cookie(refused)).toBe(400);
    // With the longest possible cursor it must still be accepted.
    const channels = [...new URL(url).searchParams.getAll("channel"), "all"];
    const longest = channels.map((it) => `${it}~${"e".repeat(12)}~${"9".repeat(16)}`).join(",");
    expect(await cookie(taken, { "Last-Event-ID": longest })).toBe(200);
  });

  test("is refused too if only the token names the user, and the reservation is released", async () => {
    const userId = "é".repeat(128);
    const verify = async () => ({ userId, grants: noGrants, expiresAtMs: undefined });
    const url = `${await begin({ verifier: { verify }, settings: { maxConnections: 1 } })}?token=t`;
    using refused = await StreamUnderTest.connect(`${url}&${long(40)}`);
    expect(refused.response.status).toBe(400);
    using taken = await StreamUnderTest.open(`${url}&${long(30)}`);
    expect(parseCursor(taken.lastEventId)?.size).toBe(32);
  });
});
