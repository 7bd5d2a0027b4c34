import { expect, test } from "bun:test";
import { testIf } from "../test-if.ts";
import { eventually } from "../waiting.ts";
import { runProgram } from "./program.ts";
import { startServer } from "./server.ts";
import { SocketUnderTest } from "./socket.ts";

const isLong = process.env.FANFARE_LONG !== undefined;
const key = "read-key-0123456789ab";
const bearer = { Authorization: `Bearer ${key}` };

interface Stats {
  readonly interval_s: number;
  readonly processes: readonly {
    readonly name: string;
    readonly at: readonly number[];
    readonly ended?: boolean;
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

testIf(isLong, "samples are taken every 10 s; run it with npm run test:long")(
  "the samples of a worker are there after a reload, and after an upgrade",
  async () => {
    await using server = await startServer({ env: { WORKERS: "1", DRAIN_WINDOW: "1s" } });
    using _client = await SocketUnderTest.open(server.wsUrl);
    const read = async () => ((await (await server.request("GET", "/v1/stats")).json()) as Stats).processes;
    const samplesOf = async (wanted: string) => {
      const found = (await read()).find(({ name }) => name === wanted);
      return { ended: found?.ended ?? false, samples: found?.at.length ?? 0 };
    };
    await eventually(async () => expect((await samplesOf("worker 1")).samples).toBeGreaterThan(0));
    // The supervisor copies them within ten seconds.
    await eventually(async () => expect((await samplesOf("worker 1")).samples).toBeGreaterThan(1));
    for (const command of ["reload", "upgrade"]) {
      expect((await runProgram([command, "--port", String(server.port)])).code).toBe(0);
      await eventually(async () => {
        expect(await samplesOf("worker 1")).toEqual({ ended: true, samples: expect.any(Number) });
      });
      expect((await samplesOf("worker 1")).samples).toBeGreaterThan(0);
    }
    expect((await samplesOf("supervisor")).samples).toBeGreaterThan(1);
  },
);

test("GET /v1/stats needs a key, and refuses unknown parameters", async () => {
  await using server = await startServer({ env: { API_KEY: `read@${key}`, ANONYMOUS: "on" } });
  expect((await server.request("GET", "/v1/stats")).status).toBe(401);
  for (const query of ["after=yesterday", "after=-1", "before=1"]) {
    expect((await server.request("GET", `/v1/stats?${query}`, undefined, bearer)).status).toBe(400);
  }
});
