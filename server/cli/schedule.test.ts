import { describe, expect, test } from "bun:test";
import { runFakeCli } from "./fake-cli.ts";
import { startFakeServer } from "./fake-server.ts";

const schedule = {
  id: "daily",
  revision: 2,
  state: "active",
  origin: "api",
  durable: false,
  cron: "0 9 * * MON-FRI",
  tz: "Europe/London",
  catch_up: "last",
  catch_up_window_s: 3600,
  next: ["2026-11-30T09:00:00.000Z", "2026-12-01T09:00:00.000Z"],
  last: {
    nominal: "2026-11-27T09:00:00.000Z",
    fired_at: "2026-11-27T09:00:00.004Z",
    result: "published",
    published: 1,
  },
  runs: 3,
  created_at: "2026-11-17T10:30:25.123Z",
  updated_at: "2026-11-17T10:30:25.123Z",
  publish: { channel: "reports", message: "\u001b[2Jready" },
};

const run = (url: string, ...args: string[]) => runFakeCli(["schedule", ...args, "--url", url]);

describe("fanfare schedule create", () => {
  test.each<[string[], object]>([
    [
      ["daily", "--channel", "reports", "--cron", "0 9 * * MON-FRI", "--tz", "Europe/London", "ready"],
      { publish: { channel: "reports", message: "ready" }, cron: "0 9 * * MON-FRI", tz: "Europe/London" },
    ],
    [
      ["tick", "--every", "30s", "--data", '{"n":1}', "--max-runs", "5", "--jitter", "2s", "--paused"],
      { publish: { channel: "all", data: { n: 1 } }, every_s: 30, jitter_s: 2, max_runs: 5, paused: true },
    ],
    [
      ["later", "--user", "alice", "--in", "90s", "--catch-up", "skip", "hi"],
      { publish: { user_id: "alice", message: "hi" }, delay_s: 90, catch_up: "skip" },
    ],
    [
      ["once", "--at", "2030-01-01T09:00:00Z", "hi"],
      { publish: { channel: "all", message: "hi" }, at: "2030-01-01T09:00:00Z" },
    ],
  ])("%j sends what it says", async (args, body) => {
    using server = startFakeServer(() => Response.json(schedule, { status: 201 }));
    const { code, err } = await run(server.url, "create", ...args);
    expect([code, err]).toEqual([0, ""]);
    expect(server.requests.map(({ method, path }) => [method, path])).toEqual([["PUT", `/v1/schedules/${args[0]}`]]);
    expect(JSON.parse(server.requests[0]?.body ?? "")).toEqual(body);
  });

  test("passes on 64-bit numbers", async () => {
    using server = startFakeServer(() => Response.json(schedule));
    await run(server.url, "create", "a", "--every", "1m", "--data", "9007199254740993");
    expect(server.requests[0]?.body).toContain('"data":9007199254740993');
  });

  test("without anything to publish is refused", async () => {
    const { code, err } = await run("http://127.0.0.1:1", "create", "a", "--every", "1m");
    expect([code, err]).toEqual([2, expect.stringContaining("text: expected a text or --data")]);
  });

  test("prints what the server refuses", async () => {
    const detail = "cron: expected an expression that fires again";
    using server = startFakeServer(() => Response.json({ detail }, { status: 422 }));
    const { code, err } = await run(server.url, "create", "a", "--cron", "0 0 30 2 *", "hi");
    expect([code, err]).toEqual([1, `error: --${detail} (422)\n`]);
  });

  test.each<[string[], string]>([
    [["--every", "500ms"], '--every: expected a time from 1s to 365d, got "500ms"'],
    [["--every", "1m", "--jitter", "2d"], '--jitter: expected a time from 0 to 1d, got "2d"'],
    [["--every", "1m", "--catch-up-window", "8d"], '--catch-up-window: expected a time from 0 to 7d, got "8d"'],
    [["--in", "3651d"], '--in: expected a time from 0 to 3650d, got "3651d"'],
    [[], "expected one of --at, --in, --every and --cron, which says when to publish, got none"],
    [["--in", "1m", "--cron", "* * * * *"], "which says when to publish, got --in and --cron"],
    [["--every", "1m", "--tz", "UTC"], "--tz: expected --cron, got --every"],
    [["--in", "1m", "--max-runs", "2"], "--max-runs: expected --every or --cron, got --in, which publishes once"],
    [["--in", "1m", "--ends", "2030-01-01T00:00:00Z"], "--ends: expected --every or --cron, got --in"],
  ])("%j is refused by the command, which names the option", async (flags, expected) => {
    const { code, err } = await run("http://127.0.0.1:1", "create", "a", ...flags, "hi");
    expect([code, err]).toEqual([2, expect.stringContaining(expected)]);
  });
});

describe("fanfare schedule", () => {
  test.each([
    ["show", "GET", "/v1/schedules/daily"],
    ["pause", "POST", "/v1/schedules/daily/pause"],
    ["resume", "POST", "/v1/schedules/daily/resume"],
    ["trigger", "POST", "/v1/schedules/daily/trigger"],
  ])("%s prints the schedule, safe for a terminal", async (verb, method, path) => {
    using server = startFakeServer(() => Response.json(schedule));
    const { code, out } = await run(server.url, verb, "daily");
    expect(server.requests.map((it) => [it.method, it.path])).toEqual([[method, path]]);
    expect([code, out]).toEqual([
      0,
      `id:        daily
state:     active (a restart of the server forgets it)
when:      0 9 * * MON-FRI (Europe/London)
rules:     catch_up last, catch_up_window_s 3600
publishes: {"channel":"reports","message":"\\u001b[2Jready"}
next:      2026-11-30 09:00:00 UTC
           2026-12-01 09:00:00 UTC
last:      2026-11-27 09:00:00 UTC: published
runs:      3
revision:  2
`,
    ]);
  });

  test("pause prints the state if the key may not read the schedule", async () => {
    const { publish: _publish, ...shown } = schedule;
    using server = startFakeServer(() => Response.json(shown));
    const { code, out } = await run(server.url, "pause", "daily");
    expect([code, out]).toEqual([0, expect.not.stringContaining("publishes:")]);
  });

  test("delete says so", async () => {
    using server = startFakeServer(() => Response.json({ deleted: "daily" }));
    expect((await run(server.url, "delete", "daily")).out).toBe("daily is deleted\n");
    expect(server.requests[0]?.method).toBe("DELETE");
  });

  test("list reads all pages, and prints a table or JSON lines", async () => {
    using server = startFakeServer(({ path }) => {
      const isFirst = !path.includes("page=");
      const schedules = [isFirst ? schedule : { ...schedule, id: "second", next: [], last: null, state: "paused" }];
      return Response.json(isFirst ? { schedules, next_page: "daily" } : { schedules });
    });
    expect((await run(server.url, "list")).out.split("\n")).toEqual([
      "ID      STATE   NEXT                     LAST       WHEN",
      "daily   active  2026-11-30 09:00:00 UTC  published  0 9 * * MON-FRI (Europe/London)",
      "second  paused  -                        -          0 9 * * MON-FRI (Europe/London)",
      "",
    ]);
    const { out } = await run(server.url, "list", "--prefix", "d", "--json");
    expect(
      out
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line).id),
    ).toEqual(["daily", "second"]);
    expect(server.requests.at(-2)?.path).toBe("/v1/schedules?prefix=d");
  });

  test("list says when there are none", async () => {
    using server = startFakeServer(() => Response.json({ schedules: [] }));
    expect((await run(server.url, "list")).out).toBe("There are no schedules.\n");
  });

  test("reads with a key that may read, and writes with one that may publish", async () => {
    using server = startFakeServer(() => Response.json(schedule));
    const env = { API_KEY: "read@read-key-0123456789ab,publish@publish-key-0123456789" };
    for (const verb of ["show", "pause"]) await runFakeCli(["schedule", verb, "a", "--url", server.url], { env });
    expect(server.requests.map(({ key }) => key)).toEqual([
      "Bearer read-key-0123456789ab",
      "Bearer publish-key-0123456789",
    ]);
  });
});
