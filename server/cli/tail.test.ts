import { describe, expect, test } from "bun:test";
import { runFakeCli } from "./fake-cli.ts";
import { startFakeServer } from "./fake-server.ts";

const stream = (text: string) => new Response(text, { headers: { "Content-Type": "text/event-stream" } });
const published = {
  at: "2026-11-20T10:30:26.000Z",
  kind: "published",
  worker: "worker 2",
  channel: "room:1",
  id: "m\u001b[2J7",
  offset: 7,
  bytes: 12,
};
const refused = {
  at: "2026-11-20T10:30:31.000Z",
  kind: "refused",
  worker: "server",
  channel: "room:2",
  user_id: "alice",
  connection_id: "c_1",
  remote: "127.0.0.1:5",
  action: "subscribe",
  code: "forbidden",
  reason: "no",
};
const events = (...all: readonly object[]) => all.map((it) => `data: ${JSON.stringify(it)}\n\n`).join("");

describe("fanfare tail", () => {
  test("prints one line per event, safe for a terminal, and what was dropped", async () => {
    using server = startFakeServer(() => stream(`event: dropped\ndata: {"count":3}\n\n${events(published, refused)}`));
    const { code, out, err } = await runFakeCli(["tail", "--url", server.url, "--count", "2"]);
    expect(code).toBe(0);
    expect(out.trimEnd().split("\n")).toEqual([
      "[10:30:26] published    room:1 offset 7, id m\\x1b[2J7, 12 bytes (worker 2)",
      "[10:30:31] refused      subscribe of room:2 from 127.0.0.1:5 (c_1 of alice): forbidden: no",
    ]);
    expect(err).toContain("3 more were dropped");
  });

  test("asks for what its flags say, and prints JSON", async () => {
    using server = startFakeServer(() => stream(events(refused)));
    const flags = ["--channel", "room:*", "--user", "alice", "--kind", "refused,gap", "--kind", "published"];
    const args = ["tail", "--url", server.url, "--count", "1", "--json", "--api-key", "k", ...flags];
    const { out } = await runFakeCli(args);
    expect(JSON.parse(out)).toEqual(refused);
    const [{ path, key } = { path: "", key: "" }] = server.requests;
    expect(path).toBe("/v1/tail?channel=room%3A*&user=alice&kind=refused%2Cgap%2Cpublished");
    expect(key).toBe("Bearer k");
  });

  test("reconnects if the stream ends", async () => {
    using server = startFakeServer((_, before) => stream(before === 0 ? events(published) : events(refused)));
    const { out, err } = await runFakeCli(["tail", "--url", server.url, "--count", "2"]);
    expect(out.trimEnd().split("\n")).toHaveLength(2);
    expect(err).toContain("connection lost; reconnecting");
  });

  test("fails at once if the first request is refused, or nothing listens", async () => {
    using server = startFakeServer(() => Response.json({ detail: "no" }, { status: 401 }));
    expect(await runFakeCli(["tail", "--url", server.url])).toMatchObject({
      code: 1,
      err: expect.stringContaining("requires an API key (401)"),
    });
    const { port } = server;
    server[Symbol.dispose]();
    const { code, err } = await runFakeCli(["tail", "--port", String(port)]);
    expect([code, err]).toEqual([1, expect.stringContaining("nothing is listening there")]);
  });

  test("refuses an unknown kind", async () => {
    const { code, err } = await runFakeCli(["tail", "--kind", "everything"]);
    expect([code, err]).toEqual([2, expect.stringContaining("--kind: expected one of published, connected")]);
  });
});
