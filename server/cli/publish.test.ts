import { describe, expect, test } from "bun:test";
import { runFakeCli } from "./fake-cli.ts";
import { startFakeServer } from "./fake-server.ts";

const receipt = { channel: "all", id: "i1", epoch: "e", offset: 7, duplicate: false };

/** A server that stores every message. */
function startStore() {
  return startFakeServer(() => Response.json(receipt));
}

describe("fanfare publish", () => {
  test("publishes a text to all, and prints its offset and id", async () => {
    using server = startStore();
    const { code, out, err } = await runFakeCli(["publish", "Hello", "--url", server.url]);
    expect({ code, out, err }).toEqual({ code: 0, out: "all: offset 7, id i1\n", err: "" });
    expect(server.requests).toMatchObject([{ method: "POST", path: "/v1/publish", key: null }]);
    expect(JSON.parse(server.requests[0]?.body ?? "")).toEqual({
      channel: "all",
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      message: "Hello",
    });
  });

  test("sends data unchanged, so that large numbers survive", async () => {
    using server = startStore();
    const flags = ["--user", "u1", "--event", "price", "--sender", "desk", "--data", '{"n":12345678901234567890}'];
    const { code } = await runFakeCli(["publish", "--url", server.url, ...flags]);
    expect(code).toBe(0);
    const body = server.requests[0]?.body ?? "";
    expect(body).toEndWith(',"event":"price","sender":"desk","data":{"n":12345678901234567890}}');
    expect(JSON.parse(body)).toMatchObject({ user_id: "u1" });
    expect(body).not.toContain("channel");
  });

  test("prints that the id is a duplicate, and whether the user is connected", async () => {
    using server = startFakeServer(() =>
      Response.json({ ...receipt, channel: "@u1", duplicate: true, connected: false }),
    );
    const { out } = await runFakeCli(["publish", "x", "--user", "u1", "--id", "i1", "--url", server.url]);
    expect(out).toBe("@u1: offset 7, id i1 (already published, user not connected: stored)\n");
  });

  test("publishes each line of the standard input, except empty ones", async () => {
    using server = startStore();
    const args = ["publish", "--channel", "log", "--url", server.url];
    const { code, out } = await runFakeCli(args, { input: "one\n\ntwo\r\nthree" });
    expect({ code, lines: out.split("\n").length }).toEqual({ code: 0, lines: 4 });
    expect(server.requests.map(({ body }) => JSON.parse(body).message)).toEqual(["one", "two", "three"]);
    expect(new Set(server.requests.map(({ body }) => JSON.parse(body).id)).size).toBe(3);
  });

  test("publishes each line as data, and names a line that is not JSON", async () => {
    using server = startStore();
    const args = ["publish", "--data", "-", "--url", server.url, "--json"];
    const { code, out, err } = await runFakeCli(args, { input: '{"a":1}\n[2]\nthree\n' });
    expect(server.requests.map(({ body }) => JSON.parse(body).data)).toEqual([{ a: 1 }, [2]]);
    expect(out).toBe(`${JSON.stringify(receipt)}\n`.repeat(2));
    expect({ code, err }).toEqual({
      code: 2,
      err: 'error: standard input, line 3: expected JSON, such as 42, "text" or {"price":42}, got "three"\n',
    });
  });

  test("repeats with a new id each time, and waits in between", async () => {
    using server = startStore();
    const slept: number[] = [];
    const args = ["publish", "tick", "--repeat", "3", "--interval", "250ms", "--url", server.url];
    await runFakeCli(args, { sleep: async (ms) => void slept.push(ms) });
    expect(new Set(server.requests.map(({ body }) => JSON.parse(body).id)).size).toBe(3);
    expect(slept).toEqual([250, 250]);
  });

  test("retries with the same id if the server says Retry-After", async () => {
    const busy = () => Response.json({ detail: "later" }, { status: 503, headers: { "Retry-After": "2" } });
    using server = startFakeServer((_, before) => (before < 2 ? busy() : Response.json(receipt)));
    const slept: number[] = [];
    const { code } = await runFakeCli(["publish", "x", "--url", server.url], {
      sleep: async (ms) => void slept.push(ms),
    });
    expect({ code, slept }).toEqual({ code: 0, slept: [2000, 2000] });
    expect(server.requests).toHaveLength(3);
    expect(new Set(server.requests.map(({ body }) => body)).size).toBe(1);
  });

  test("gives up after four attempts without a response", async () => {
    const { url, port, [Symbol.dispose]: stop } = startStore();
    stop();
    const slept: number[] = [];
    const { code, out, err } = await runFakeCli(["publish", "x", "--url", url], {
      sleep: async (ms) => void slept.push(ms),
    });
    expect({ code, out, tries: slept.length + 1 }).toEqual({ code: 1, out: "", tries: 4 });
    expect(err).toBe(
      `error: cannot connect to ${url}: nothing is listening there; start a server with \`fanfare start --port ${port}\`, or check the address\n`,
    );
  });

  test("does not retry an invalid request", async () => {
    using server = startFakeServer(() => Response.json({ detail: "field: expected a rule" }, { status: 422 }));
    const { code, err } = await runFakeCli(["publish", "x", "--url", server.url]);
    expect({ code, err }).toEqual({ code: 1, err: "error: field: expected a rule (422)\n" });
    expect(server.requests).toHaveLength(1);
  });

  test("stops at the first line that is refused, and names it", async () => {
    using server = startFakeServer((_, before) =>
      before === 1 ? Response.json({ detail: "too large" }, { status: 413 }) : Response.json(receipt),
    );
    const { code, err } = await runFakeCli(["publish", "--url", server.url], { input: "a\nb\nc\n" });
    expect({ code, err }).toEqual({ code: 1, err: "error: message 2: too large (413)\n" });
    expect(server.requests).toHaveLength(2);
  });

  test("reports a server that is not Fanfare", async () => {
    using server = startFakeServer(() => new Response("<html>", { status: 200 }));
    const { code, err } = await runFakeCli(["publish", "x", "--url", server.url]);
    expect(code).toBe(1);
    expect(err).toBe(`error: ${server.url} responded with 200, but not like a Fanfare server: check the address\n`);
  });

  test("fails if there is nothing to publish", async () => {
    const { code, err } = await runFakeCli(["publish"], { input: "\n \n" });
    expect(code).toBe(1);
    expect(err).toStartWith("error: nothing to publish: ");
  });
});

describe("the key of fanfare publish", () => {
  const key = "5f3a9c1e7b2d4068";

  test.each([
    ["from the settings, without its scopes", { API_KEY: `read@d81b4e6f0a93c752,publish@${key}` }, []],
    ["from .env", {}, []],
    ["from the flag, which wins over the settings", { API_KEY: "d81b4e6f0a93c752" }, ["--api-key", key]],
  ])("comes %s", async (_, env, flags) => {
    using server = startStore();
    await runFakeCli(["publish", "x", "--url", server.url, ...flags], { env, files: { ".env": `API_KEY=${key}` } });
    expect(server.requests[0]?.key).toBe(`Bearer ${key}`);
  });

  test.each([
    [
      {},
      "error: the server requires an API key (401): set API_KEY (environment, .env or settings file), or pass --api-key\n",
    ],
    [{ API_KEY: key }, "error: the server does not accept the key from API_KEY or --api-key (401): not one of ours\n"],
  ])("is named in the error if it is missing or wrong: %j", async (env, err) => {
    using server = startFakeServer(() => Response.json({ detail: "not one of ours" }, { status: 401 }));
    expect(await runFakeCli(["publish", "x", "--url", server.url], { env })).toEqual({ code: 1, out: "", err });
  });
});

describe("wrong usage of fanfare publish", () => {
  test.each([
    [["--channel", "a b"], /^error: --channel: expected 1 to 200 of the characters .*, got "a b"$/],
    [["--user", ""], /^error: --user: expected 1 to 128 characters, .*, got ""$/],
    [["--event", "error"], /^error: --event: expected .*, got "error"$/],
    [["--data", "{"], /^error: --data: expected JSON, .*, got "\{"$/],
    [["--repeat", "0"], /^error: --repeat: expected a whole number from 1 to 1000000, got "0"$/],
    [["--interval", "soon"], /^error: --interval: expected a time such as 250ms, 5s or 2m, got "soon"$/],
    [["--id", ""], /^error: --id: expected 1 to 128 characters, got ""$/],
    [["--id", "a", "--repeat", "2"], /^error: --id: expected only one message/],
    [["--port", "70000"], /^error: --port: expected a whole number from 1 to 65535, got "70000"$/],
    [["--url", "ftp://x"], /^error: --url: expected an address such as .*, got "ftp:\/\/x"$/],
    [["--url", "http://x", "--port", "1"], /^error: option '--url <url>' cannot be used with option '--port/],
    [["--user", "u", "--channel", "c"], /^error: option '--user <id>' cannot be used with option '--channel/],
  ])("prints one line with flag and rule, and exits with 2: %j", async (flags, line) => {
    const { code, out, err } = await runFakeCli(["publish", "x", ...flags]);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err.trimEnd()).toMatch(line);
    expect(err.trimEnd().split("\n")).toHaveLength(1);
  });

  test.each([
    ["PORT=x", /^error: PORT in \.env: expected a whole number/],
    ["PORT=0", /^error: PORT is 0/],
  ])("is reported for the settings too: %s", async (line, complaint) => {
    const { code, err } = await runFakeCli(["publish", "x"], { files: { ".env": line } });
    expect(code).toBe(2);
    expect(err).toMatch(complaint);
  });

  test("ignores problems of settings it does not use", async () => {
    using server = startStore();
    const env = { HISTORY_SIZE: "x", PORT: String(server.port) };
    expect(await runFakeCli(["publish", "x"], { env })).toMatchObject({ code: 0, err: "" });
  });
});
