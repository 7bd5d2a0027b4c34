import { describe, expect, test } from "bun:test";
import { runFakeCli } from "./fake-cli.ts";
import { startFakeServer } from "./fake-server.ts";

const answer = {
  channel: "room:1",
  summary: "m7 is offset 7 of room:1. It was sent to 0 of 1 connection of u1.",
  connections: [
    {
      connection_id: "c_1",
      worker: "worker 2",
      remote: "127.0.0.1:5",
      is_open: true,
      connected_at: "2026-11-20T10:29:58.120Z",
      verdict: "lagging",
      sentence: "c_1 of u1 is behind\u001b[2J.",
      offset: 5,
      flushed: 9,
    },
  ],
  refusals: [
    {
      at: "2026-11-20T10:29:50.000Z",
      action: "connect",
      remote: "127.0.0.1:6",
      code: "token-expired",
      reason: "the token has expired",
    },
  ],
  more: 2,
  complete: false,
};

describe("fanfare trace", () => {
  test("prints the summary, a sentence with its facts per connection, and what was refused", async () => {
    using server = startFakeServer(() => Response.json(answer));
    const args = ["trace", "--user", "u1", "--channel", "room:1", "--id", "m7", "--url", server.url];
    const { code, out } = await runFakeCli(args);
    expect(code).toBe(0);
    expect(out.trimEnd().split("\n")).toEqual([
      "m7 is offset 7 of room:1. It was sent to 0 of 1 connection of u1.",
      "",
      "lagging: c_1 of u1 is behind\\x1b[2J.",
      "  worker 2, 127.0.0.1:5, open since 2026-11-20T10:29:58.120Z, sent up to 5 of 9",
      "",
      "2 more connections are not shown.",
      "",
      "Refused recently:",
      "  2026-11-20T10:29:50.000Z connect from 127.0.0.1:6: token-expired: the token has expired",
      "",
      "Not all workers answered, so connections may be missing.",
    ]);
    expect(server.requests[0]?.path).toBe("/v1/trace?user=u1&channel=room%3A1&id=m7");
  });

  test("prints the response as JSON", async () => {
    using server = startFakeServer(() => Response.json(answer));
    const { out } = await runFakeCli(["trace", "--connection", "c_1", "--offset", "7", "--json", "--url", server.url]);
    expect(JSON.parse(out)).toEqual(answer);
    expect(server.requests[0]?.path).toBe("/v1/trace?connection=c_1&offset=7");
  });

  test("needs a user or a connection, and either an id or an offset", async () => {
    expect(await runFakeCli(["trace"])).toMatchObject({ code: 1, err: expect.stringContaining("expected --user") });
    const both = await runFakeCli(["trace", "--user", "u1", "--id", "m7", "--offset", "7"]);
    expect([both.code, both.err]).toEqual([2, expect.stringContaining("cannot be used with")]);
  });

  test("says why the server refuses", async () => {
    using server = startFakeServer(() => Response.json({ detail: "the key has publish" }, { status: 403 }));
    const { code, err } = await runFakeCli(["trace", "--user", "u1", "--url", server.url]);
    expect([code, err]).toEqual([1, "error: the key has publish (403)\n"]);
  });
});
