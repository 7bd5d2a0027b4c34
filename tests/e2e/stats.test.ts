import { expect, test } from "bun:test";
import { eventually } from "../waiting.ts";
import { startServer } from "./server.ts";
import { SocketUnderTest } from "./socket.ts";

const key = "read-key-0123456789ab";
const bearer = { Authorization: `Bearer ${key}` };

interface Stats {
  readonly interval_s: number;
  readonly processes: readonly {
    readonly name: string;
    readonly at: readonly number[];
  }[];
  readonly channels: readonly Record<string, unknown>[];
}

test("GET /v1/stats has the figures of every process, and the busy channels of the whole server", async () => {
  await using server = await startServer({ env: { NOTIFICATION_INTERVAL: "0", WORKERS: "2" } });
  const read = async (query = "") => (await (await server.request("GET", `/v1/stats${query}`)).json()) as Stats;
  const clients = await Promise.all([1, 2, 3].map(() => SocketUnderTest.open(`${server.wsUrl}?channels=room:1`)));
  let published = 0;
  const publish = async () => {
    const body = { channel: "room:1", data: ++published };
    expect((await server.request("POST", "/v1/publish", body)).status).toBe(200);
  };
  await eventually(async () => {
    await publish();
    const { channels } = await read();
    const [busiest] = channels;
    expect(busiest).toMatchObject({ channel: "room:1", subscribers: 3, messages: Math.min(published, 1000) });
    expect(busiest?.messages_per_s).toBeGreaterThan(0);
    // Nothing is published to it, but it has as many subscribers.
    expect(channels[1]).toEqual({ channel: "all", messages_per_s: 0, subscribers: 3, messages: 0 });
  });
  const { interval_s, processes } = await read();
  expect(interval_s).toBe(10);
  expect(processes.map(({ name }) => name)).toEqual(["supervisor", "worker 1", "worker 2"]);
  for (const { at } of (await read("?after=999999999999")).processes) expect(at).toEqual([]);
  for (const client of clients) client.close();
});

test("GET /v1/stats needs a key, and refuses what it does not know", async () => {
  await using server = await startServer({ env: { API_KEY: `read@${key}`, ANONYMOUS: "on" } });
  expect((await server.request("GET", "/v1/stats")).status).toBe(401);
  for (const query of ["after=yesterday", "after=-1", "before=1"]) {
    expect((await server.request("GET", `/v1/stats?${query}`, undefined, bearer)).status).toBe(400);
  }
});
