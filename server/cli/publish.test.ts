import { describe, expect, test } from "bun:test";
import { startFakeServer } from "./fake-server.ts";
import { runInFakeWorld } from "./fake-world.ts";

const receipt = { channel: "all", id: "i1", epoch: "e", offset: 7, duplicate: false };

/** A server that stores whatever comes. */
function startStore() {
  return startFakeServer(() => Response.json(receipt));
}

describe("fanfare publish", () => {
  test("publishes a text to all, and says where it is stored", async () => {
    using server = startStore();
    const { code, out, err } = await runInFakeWorld(["publish", "Hello", "--url", server.url]);
    expect({ code, out, err }).toEqual({ code: 0, out: "all: offset 7, id i1\n", err: "" });
    expect(server.asked).toMatchObject([{ method: "POST", path: "/v1/publish", key: null }]);
    expect(JSON.parse(server.asked[0]?.body ?? "")).toEqual({
      channel: "all",
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      message: "Hello",
    });
  });

  test("passes data on as the text it came as, so that large numbers survive", async () => {
    using server = startStore();
    const flags = ["--user", "u1", "--event", "price", "--sender", "desk", "--data", '{"n":12345678901234567890}'];
    const { code } = await runInFakeWorld(["publish", "--url", server.url, ...flags]);
    expect(code).toBe(0);
    const body = server.asked[0]?.body ?? "";
    expect(body).toEndWith(',"event":"price","sender":"desk","data":{"n":12345678901234567890}}');
    expect(JSON.parse(body)).toMatchObject({ user_id: "u1" });
    expect(body).not.toContain("channel");
  });

  test("says that an id was known, and whether the user is there", async () => {
    using server = startFakeServer(() =>
      Response.json({ ...receipt, channel: "@u1", duplicate: true, connected: false }),
    );
    const { out } = await runInFakeWorld(["publish", "x", "--user", "u1", "--id", "i1", "--url", server.url]);
    expect(out).toBe("@u1: offset 7, id i1 (published before, not connected now: kept)\n");
  });

  test("publishes each line of the standard input, and none that is empty", async () => {
    using server = startStore();
    const args = ["publish", "--channel", "log", "--url", server.url];
    const { code, out } = await runInFakeWorld(args, { input: "one\n\ntwo\r\nthree" });
    expect({ code, lines: out.split("\n").length }).toEqual({ code: 0, lines: 4 });
    expect(server.asked.map(({ body }) => JSON.parse(body).message)).toEqual(["one", "two", "three"]);
    expect(new Set(server.asked.map(({ body }) => JSON.parse(body).id)).size).toBe(3);
  });

  test("publishes each line as data, and names the line that is no JSON", async () => {
    using server = startStore();
    const args = ["publish", "--data", "-", "--url", server.url, "--json"];
    const { code, out, err } = await runInFakeWorld(args, { input: '{"a":1}\n[2]\nthree\n' });
    expect(server.asked.map(({ body }) => JSON.parse(body).data)).toEqual([{ a: 1 }, [2]]);
    expect(out).toBe(`${JSON.stringify(receipt)}\n`.repeat(2));
    expect({ code, err }).toEqual({
      code: 2,
      err: 'error: standard input, line 3: expected JSON, such as 42, "text" or {"price":42}, got "three"\n',
    });
  });

  test("repeats, each time with another id, and waits between two", async () => {
    using server = startStore();
    const slept: number[] = [];
    const args = ["publish", "tick", "--repeat", "3", "--interval", "250ms", "--url", server.url];
    await runInFakeWorld(args, { sleep: async (ms) => void slept.push(ms) });
    expect(new Set(server.asked.map(({ body }) => JSON.parse(body).id)).size).toBe(3);
    expect(slept).toEqual([250, 250]);
  });

  test("tries again with the same id where the server asks for patience", async () => {
    const busy = () => Response.json({ detail: "later" }, { status: 503, headers: { "Retry-After": "2" } });
    using server = startFakeServer((_, before) => (before < 2 ? busy() : Response.json(receipt)));
    const slept: number[] = [];
    const { code } = await runInFakeWorld(["publish", "x", "--url", server.url], {
      sleep: async (ms) => void slept.push(ms),
    });
    expect({ code, slept }).toEqual({ code: 0, slept: [2000, 2000] });
    expect(server.asked).toHaveLength(3);
    expect(new Set(server.asked.map(({ body }) => body)).size).toBe(1);
  });

  test("gives up where nothing answers for four tries, in one line", async () => {
    const { url, port, [Symbol.dispose]: stop } = startStore();
    stop();
    const slept: number[] = [];
    const { code, out, err } = await runInFakeWorld(["publish", "x", "--url", url], {
      sleep: async (ms) => void slept.push(ms),
    });
    expect({ code, out, tries: slept.length + 1 }).toEqual({ code: 1, out: "", tries: 4 });
    expect(err).toBe(`error: nothing answers at ${url}: start a server with \`fanfare start --port ${port}\`\n`);
  });

  test("does not ask again where the answer would be the same", async () => {
    using server = startFakeServer(() => Response.json({ detail: "field: expected a rule" }, { status: 422 }));
    const { code, err } = await runInFakeWorld(["publish", "x", "--url", server.url]);
    expect({ code, err }).toEqual({ code: 1, err: "error: field: expected a rule (422)\n" });
    expect(server.asked).toHaveLength(1);
  });

  test("ends at the first line that is refused, and names it", async () => {
    using server = startFakeServer((_, before) =>
      before === 1 ? Response.json({ detail: "too large" }, { status: 413 }) : Response.json(receipt),
    );
    const { code, err } = await runInFakeWorld(["publish", "--url", server.url], { input: "a\nb\nc\n" });
    expect({ code, err }).toEqual({ code: 1, err: "error: message 2: too large (413)\n" });
    expect(server.asked).toHaveLength(2);
  });

  test("says of something else that answers that it is something else", async () => {
    using server = startFakeServer(() => new Response("<html>", { status: 200 }));
    const { code, err } = await runInFakeWorld(["publish", "x", "--url", server.url]);
    expect(code).toBe(1);
    expect(err).toBe(`error: ${server.url} answered 200, not as a Fanfare server does: is the address right?\n`);
  });

  test("says that there was nothing to publish", async () => {
    const { code, err } = await runInFakeWorld(["publish"], { input: "\n \n" });
    expect(code).toBe(1);
    expect(err).toStartWith("error: there was nothing to publish: ");
  });
});

describe("the key of fanfare publish", () => {
  const key = "0123456789abcdef";

  test.each([
    ["from the settings, without its scopes", { API_KEY: `read@fedcba9876543210,publish@${key}` }, []],
    ["from .env", {}, []],
    ["from the flag, before the settings", { API_KEY: "fedcba9876543210" }, ["--api-key", key]],
  ])("comes %s", async (_, env, flags) => {
    using server = startStore();
    await runInFakeWorld(["publish", "x", "--url", server.url, ...flags], { env, files: { ".env": `API_KEY=${key}` } });
    expect(server.asked[0]?.key).toBe(`Bearer ${key}`);
  });

  test.each([
    [{}, "error: the server wants a key (401): set API_KEY (environment, .env, settings file), or say --api-key\n"],
    [{ API_KEY: key }, "error: the key of API_KEY or --api-key does not open this server (401): not one of ours\n"],
  ])("is named where it is missing or wrong: %j", async (env, err) => {
    using server = startFakeServer(() => Response.json({ detail: "not one of ours" }, { status: 401 }));
    expect(await runInFakeWorld(["publish", "x", "--url", server.url], { env })).toEqual({ code: 1, out: "", err });
  });
});

describe("what fanfare publish is told wrong", () => {
  test.each([
    [["--channel", "a b"], /^error: --channel: expected 1 to 200 of the characters .*, got "a b"$/],
    [["--user", ""], /^error: --user: expected 1 to 128 characters, .*, got ""$/],
    [["--event", "error"], /^error: --event: expected .*, got "error"$/],
    [["--data", "{"], /^error: --data: expected JSON, .*, got "\{"$/],
    [["--repeat", "0"], /^error: --repeat: expected a whole number from 1 to 1000000, got "0"$/],
    [["--interval", "soon"], /^error: --interval: expected a time such as 250ms, 5s or 2m, got "soon"$/],
    [["--id", ""], /^error: --id: expected 1 to 128 characters, got ""$/],
    [["--id", "a", "--repeat", "2"], /^error: --id: expected one message only/],
    [["--port", "70000"], /^error: --port: expected a whole number from 1 to 65535, got "70000"$/],
    [["--url", "ftp://x"], /^error: --url: expected an address such as .*, got "ftp:\/\/x"$/],
    [["--url", "http://x", "--port", "1"], /^error: option '--url <url>' cannot be used with option '--port/],
    [["--user", "u", "--channel", "c"], /^error: option '--user <id>' cannot be used with option '--channel/],
  ])("is one line with flag and rule, and the exit code 2: %j", async (flags, line) => {
    const { code, out, err } = await runInFakeWorld(["publish", "x", ...flags]);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err.trimEnd()).toMatch(line);
    expect(err.trimEnd().split("\n")).toHaveLength(1);
  });

  test.each([
    ["PORT=x", /^error: PORT in \.env: expected a whole number/],
    ["PORT=0", /^error: PORT is 0/],
  ])("may stand in the settings: %s", async (line, complaint) => {
    const { code, err } = await runInFakeWorld(["publish", "x"], { files: { ".env": line } });
    expect(code).toBe(2);
    expect(err).toMatch(complaint);
  });

  test("is no matter where the setting is none of its own", async () => {
    using server = startStore();
    const env = { HISTORY_SIZE: "x", PORT: String(server.port) };
    expect(await runInFakeWorld(["publish", "x"], { env })).toMatchObject({ code: 0, err: "" });
  });
});
