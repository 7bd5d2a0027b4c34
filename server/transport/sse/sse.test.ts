import { afterEach, describe, expect, test } from "bun:test";
import { ServiceError } from "../../../protocol/errors.ts";
import { parseCursor } from "../../../protocol/position.ts";
import { StreamUnderTest } from "../../../tests/e2e/stream.ts";
import type { TestHubOptions } from "../../../tests/fakes/hub.ts";
import { RealServer } from "../../../tests/fakes/real-server.ts";
import { noGrants } from "../../auth/grants.ts";

let server: RealServer;
afterEach(() => server.close());

async function begin(options?: TestHubOptions): Promise<string> {
  server = await RealServer.start(options);
  return `http://127.0.0.1:${server.port}/sse`;
}

/** Sends out what waits. */
async function publish(channel: string, message: string): Promise<void> {
  await server.test.publish(channel, message);
  server.test.hub.delivery.flushNow();
}

describe("an event stream", () => {
  test("says what it is, and that nobody may keep it or hold it back", async () => {
    using stream = await StreamUnderTest.open(await begin());
    const { status, headers } = stream.response;
    expect([
      status,
      headers.get("Content-Type"),
      headers.get("Cache-Control"),
      headers.get("X-Accel-Buffering"),
    ]).toEqual([200, "text/event-stream; charset=utf-8", "no-cache, no-transform", "no"]);
    expect(stream.blocks[0]).toMatchObject({ event: "system" });
  });

  test("brings publications without an event name, system frames with one, and after each write where it is", async () => {
    using stream = await StreamUnderTest.open(`${await begin()}?channel=a`);
    await publish("a", "1");
    await stream.untilMessages(1);
    expect(stream.blocks.findLast(({ data }) => data !== undefined)?.event).toBeUndefined();
    await stream.untilBlock(({ id }) => id?.includes("a~") === true && id.endsWith("~1"));
  });

  test("goes on in all its channels from the last id, by itself", async () => {
    const url = `${await begin()}?channel=a&channel=b`;
    const first = await StreamUnderTest.open(url);
    await publish("a", "1");
    await first.untilMessages(1);
    const id = first.lastEventId;
    first[Symbol.dispose]();
    await server.untilEmpty();
    for (const channel of ["b", "a", "all"]) await publish(channel, "missed");
    using second = await StreamUnderTest.open(url, { "Last-Event-ID": id });
    // Time is moved by hand here: what lags is brought in the next turn of that clock.
    await server.test.settle();
    const messages = await second.untilMessages(3);
    expect(messages.map(({ channel, offset }) => `${channel} ${offset}`).sort()).toEqual(["a 2", "all 1", "b 1"]);
  });

  test.each([
    ["full", new ServiceError("full", "no room", { retryAfterMs: 5000 }), 5000],
    ["draining", new ServiceError("draining", "shutting down"), 2000],
  ])(
    "that cannot be had now (%s) is 200 and the time to come back, since any other answer would end it",
    async (_, error, ms) => {
      const url = await begin();
      server.test.hub.reception.closedBecause = error;
      using stream = await StreamUnderTest.connect(url);
      await stream.untilEnded();
      const retry = Number(stream.blocks[0]?.retry);
      expect([stream.response.status, retry >= ms && retry <= 2 * ms]).toEqual([200, true]);
    },
  );
});

describe("a cursor that would be too long to come back with", () => {
  const long = (count: number) => Array.from({ length: count }, (_, at) => `channel=${"x".repeat(60)}${at}`).join("&");

  test("is refused when its channels are asked for, and what fits fits for good", async () => {
    const url = await begin();
    using refused = await StreamUnderTest.connect(`${url}?${long(60)}`);
    expect(refused.response.status).toBe(400);
    using taken = await StreamUnderTest.open(`${url}?${long(40)}`);
    expect(parseCursor(taken.lastEventId)?.size).toBe(41);
  });

  test("for the sake of a user that only the token names is refused too, and the seat is given back", async () => {
    const userId = "é".repeat(128);
    const verify = async () => ({ userId, grants: noGrants, expiresAtMs: undefined });
    const url = `${await begin({ verifier: { verify }, settings: { maxConnections: 1 } })}?token=t`;
    using refused = await StreamUnderTest.connect(`${url}&${long(40)}`);
    expect(refused.response.status).toBe(400);
    using taken = await StreamUnderTest.open(`${url}&${long(30)}`);
    expect(parseCursor(taken.lastEventId)?.size).toBe(32);
  });
});
