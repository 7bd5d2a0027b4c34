import { describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeIf, testIf } from "../test-if.ts";
import { until } from "../waiting.ts";
import { ProgramUnderTest, runProgram } from "./program.ts";
import { startServer } from "./server.ts";
import { SocketUnderTest } from "./socket.ts";
import { terminalPicture } from "./terminal-picture.ts";

const key = "5f3a9c1e7b2d4068-of-a-test";
const jwtSecret = "a secret of more than 32 bytes, for tests";
const time = String.raw`\[\d\d:\d\d:\d\d\]`;

describe("fanfare connect between pipes", () => {
  test("asks for a name, shows messages, and quits with /quit", async () => {
    await using server = await startServer();
    const env = { PORT: String(server.port) };
    await using alice = new ProgramUnderTest(["connect"], { env });
    await alice.until(/Enter your username: /);
    alice.type("Alice\n");
    await alice.until(
      new RegExp(`Connected to ${server.wsUrl} as Alice\\..*\n${time} SYSTEM: Welcome! .* 1 client\\(s\\) online\\.\n`),
    );
    await using bob = new ProgramUnderTest(["connect", "--name", "Bob"], { env });
    await alice.until(new RegExp(`${time} SYSTEM: A new client has joined the chat\\. 2 client\\(s\\) online\\.\n`));
    bob.type("Hey Alice\n");
    await alice.until(new RegExp(`^${time} Bob: Hey Alice$`, "m"));
    await bob.until(new RegExp(`^${time} Bob: Hey Alice$`, "m"));
    bob.type("/who\n");
    await bob.until(/^2 in all\nnames in recent messages: Bob$/m);
    bob.type("/quit\n");
    const { code, out, err } = await bob.ended();
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toEndWith("\nDisconnected from server\n");
    expect(out).not.toContain("\u001b");
    await alice.until(/A client has left the chat\. 1 client\(s\) online\./);
  });

  test("sends its input, and ends when the server has received it", async () => {
    await using server = await startServer();
    using listener = await SocketUnderTest.open(server.wsUrl);
    const { code, out } = await runProgram(["connect", "--name", "x", "--url", server.url], { input: "one\ntwo" });
    expect({ code, last: out.split("\n").at(-2) }).toEqual({ code: 0, last: "Disconnected from server" });
    expect((await listener.untilMessages(2)).map(({ message, sender }) => [message, sender])).toEqual([
      ["one", "x"],
      ["two", "x"],
    ]);
  });

  test("sends all lines, in order and once, when the server limits the rate", async () => {
    await using server = await startServer({ env: { MESSAGE_RATE: "5" } });
    using listener = await SocketUnderTest.open(server.wsUrl);
    const lines = Array.from({ length: 13 }, (_, index) => `line ${index}`);
    const { code } = await runProgram(["connect", "--name", "x", "--url", server.url], { input: lines.join("\n") });
    expect(code).toBe(0);
    expect((await listener.untilMessages(13)).map(({ message }) => message)).toEqual(lines);
  });

  test("escapes control characters in messages", async () => {
    await using server = await startServer();
    await using program = new ProgramUnderTest(["connect", "--name", "x", "--url", server.url]);
    await program.until(/Connected/);
    using other = await SocketUnderTest.open(server.wsUrl);
    other.send({ type: "message", message: "\u001b[2J\n[00:00:00] SYSTEM: forged", sender: "Eve\u202e" });
    await program.until(new RegExp(`^${time} Eve\\\\u202e: \\\\x1b\\[2J\\\\n\\[00:00:00\\] SYSTEM: forged$`, "m"));
    expect(program.output).not.toContain("\u001b");
  });

  test("reconnects to a restarted server, reports it once, and sends what was typed in the meantime", async () => {
    let port = "";
    await using program = await (async () => {
      await using server = await startServer();
      port = String(server.port);
      const before = new ProgramUnderTest(["connect", "--name", "x", "--port", port]);
      await before.until(/Welcome/);
      return before;
    })();
    await program.until(/Connection lost\. Reconnecting …\n/);
    program.type("typed meanwhile\n");
    await program.until(/^\(waiting for the connection\) typed meanwhile$/m);
    await using server = await startServer({ flags: ["--port", port] });
    expect(server.port).toBe(Number(port));
    const shown = await program.until(new RegExp(`^${time} x: typed meanwhile$`, "m"));
    expect(shown.match(/Connection lost/g)).toHaveLength(1);
    expect(shown.match(/^Reconnected\.$/gm)).toHaveLength(1);
    expect(shown.match(/Welcome/g)).toHaveLength(1);
  });

  test("uses the token's user as the name on a secured server", async () => {
    await using server = await startServer({ env: { API_KEY: key, JWT_SECRET: jwtSecret, CHAT: "on", NOTICES: "on" } });
    const { out: token } = await runProgram(["token", "create", "alice"], { env: { JWT_SECRET: jwtSecret } });
    await using program = new ProgramUnderTest(["connect", "--url", server.url, "--token", token.trim()]);
    await program.until(/Welcome/);
    program.type("Hi\n/who\n");
    await program.until(new RegExp(`^${time} alice: Hi$`, "m"));
    await program.until(/^1 in all$/m);
    await server.request("POST", "/sse/push", { user_id: "alice", data: { order: 42 } }, { "X-API-Key": key });
    await program.until(new RegExp(`^${time} \\(@alice\\) \\{"order":42\\}$`, "m"));
    expect(program.errors).toBe("");
  });

  test("quits on Ctrl+C as with /quit", async () => {
    await using server = await startServer();
    await using program = new ProgramUnderTest(["connect", "--name", "x", "--url", server.url]);
    await program.until(/Welcome/);
    program.signal("SIGINT");
    const { code, out } = await program.ended();
    expect(code).toBe(0);
    expect(out).toEndWith("\nDisconnected from server\n");
  });

  test("reports in one line why it could not connect, and why it was disconnected", async () => {
    const away = await (async () => {
      await using server = await startServer();
      return server.url;
    })();
    expect(await runProgram(["connect", "--name", "x", "--url", away])).toEqual({
      code: 1,
      out: "",
      err: expect.stringMatching(
        new RegExp(
          `^error: cannot connect to ${away}: nothing is listening there; start a server with \`(npx )?fanfare start --port ${new URL(away).port}\`, or check the address\n$`,
        ),
      ),
    });
    await using server = await startServer({ env: { API_KEY: key, JWT_SECRET: jwtSecret } });
    const refused = await runProgram(["connect", "--name", "x", "--url", server.url]);
    expect(refused).toMatchObject({ code: 1, out: "" });
    expect(refused.err).toMatch(
      /^error: ws:.*\/ws refused the connection: this server requires a token: .* \(4500\)\n$/,
    );
  });

  test.each([
    ["connect", ["connect", "--name", "x"]],
    ["subscribe", ["subscribe", "all"]],
  ])("%s is left on Ctrl+C while a server keeps it waiting", async (_, args) => {
    const { promise: accepted, resolve } = Promise.withResolvers<void>();
    using silent = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { open: () => resolve(), data: () => {} } });
    await using program = new ProgramUnderTest([...args, "--port", String(silent.port)]);
    await accepted;
    program.signal("SIGINT");
    expect(await program.ended()).toEqual({ code: 130, out: "", err: "" });
  });

  test.each([
    ["/join #x", "reserved for the server"],
    ["/join @Bob", "a user's own channel"],
    ["/foo", "unknown command /foo"],
  ])("fails at %j in a pipe, and sends nothing of what follows to another channel", async (line, problem) => {
    await using server = await startServer();
    const args = ["connect", "--name", "x", "--url", server.url];
    const { code, err } = await runProgram(args, { input: `${line}\nfor that channel only\n` });
    expect([code, err.includes(problem)]).toEqual([1, true]);
    const { messages } = (await (await fetch(`${server.url}/v1/channels/all/history`)).json()) as {
      messages: object[];
    };
    expect(JSON.stringify(messages)).not.toContain("for that channel only");
  });

  test("fails if not all lines could be sent, or there were none", async () => {
    await using server = await startServer({ env: { CHAT: "off" } });
    const args = ["connect", "--name", "x", "--url", server.url];
    const refused = await runProgram(args, { input: "one\ntwo\n" });
    expect(refused).toMatchObject({ code: 1, err: "error: not sent: 2 message(s)\n" });
    expect(refused.out).toContain('not sent: "one": ');
    expect(await runProgram(args, { input: "\n" })).toMatchObject({
      code: 1,
      err: "error: nothing to send: the standard input was empty\n",
    });
    expect(await runProgram(["connect", "--url", server.url])).toMatchObject({
      code: 1,
      err: "error: no name: the standard input ended before a name was read; pass --name\n",
    });
    expect(await runProgram(args, { input: "/who\n" })).toMatchObject({ code: 0, err: "" });
  });

  test("ends when an operator closes the connection", async () => {
    await using server = await startServer();
    await using program = new ProgramUnderTest(["connect", "--user", "u1", "--url", server.url]);
    await program.until(/Welcome/);
    await server.request("DELETE", "/v1/users/u1/connections");
    const { code, err } = await program.ended();
    expect({ code, err }).toEqual({
      code: 1,
      err: "error: the server closed the connection: disconnected by an operator (4504)\n",
    });
  });
});

describeIf(process.platform === "linux", "it needs setsid")("fanfare connect in a shell", () => {
  test("is stopped by Ctrl+Z, and continues with what was being typed", async () => {
    await using server = await startServer({ env: { NOTICES: "off" } });
    await using shell = ProgramUnderTest.shell();
    shell.type(`node bin/fanfare.js connect --url ${server.url} --name Alice\r`);
    await shell.until(/leaves\./);
    shell.type("half");
    await shell.until(/half/);
    shell.type("\u001a");
    await shell.until(/Stopped/);
    // The shell reads whole lines again, and no other process does.
    shell.type("echo $((20 + 3)) in the shell\r");
    await shell.until(/^(# )?23 in the shell/m);
    shell.type("fg\r");
    await shell.until(/23 in the shell[\s\S]*half/);
    using bob = await SocketUnderTest.open(server.wsUrl);
    shell.type(" a line\r");
    expect(await bob.until(({ message }) => message === "half a line")).toMatchObject({ sender: "Alice" });
    shell.type("/quit\r");
    await shell.until(/Disconnected from server/);
  });
});

describe("fanfare connect on a terminal", () => {
  const columns = 60;
  /** Resolves with the screen once its last rows are these. A row is drawn in several steps. */
  const picture = async (program: ProgramUnderTest, ...last: (string | RegExp)[]) => {
    const rows = () => terminalPicture(program.output, columns);
    const isDrawn = () =>
      rows()
        .slice(-last.length)
        .every((row, index) => new RegExp(last[index] ?? "").test(row));
    await program.until(isDrawn);
    return rows();
  };

  test.each(["/quit\r", "\u0003"])("tells a person who leaves with %j what was not sent", async (leave) => {
    await using program = await (async () => {
      await using server = await startServer({ env: { NOTICES: "off" } });
      const before = new ProgramUnderTest(["connect", "--url", server.url, "--name", "Alice"], { columns });
      await before.until(/leaves\./);
      return before;
    })();
    await program.until(/Connection lost/);
    program.type("one\r");
    await program.until(/waiting for the connection\) one/);
    program.type(leave);
    await program.until(/error: not sent: 1 message\(s\): the connection was lost/);
    expect((await program.ended()).code).toBe(1);
  });

  test("keeps the line being typed intact, over several rows, while messages arrive", async () => {
    await using server = await startServer({ env: { NOTICES: "off" } });
    await using program = new ProgramUnderTest(["connect", "--url", server.url], { columns });
    await program.until(/Enter your username: /);
    program.type("Alice\r");
    await program.until(/leaves\./);
    const long = "a line that is still being typed, and takes more than one row of sixty";
    program.type(`${long}\u001b[D\u001b[D\u001b[D\u001b[D\u001b[D`);
    await program.until(/of sixty/);
    using bob = await SocketUnderTest.open(server.wsUrl);
    for (const message of ["one", "two"]) bob.send({ type: "message", message, sender: "Bob" });
    expect(await picture(program, /Bob: two$/, /^> a line/, /^row of sixty$/)).toEqual([
      "Enter your username: Alice",
      expect.stringMatching(/^Connected to ws:/),
      expect.stringMatching(/leaves\.$/),
      expect.stringMatching(new RegExp(`^${time} Bob: one$`)),
      expect.stringMatching(new RegExp(`^${time} Bob: two$`)),
      "> a line that is still being typed, and takes more than one",
      "row of sixty",
    ]);
    program.type("(at the cursor) \r");
    const rows = await picture(program, /Alice: a line/, /sixty$/, /^>$/);
    expect(rows.slice(-4)).toEqual([
      expect.stringMatching(/Bob: two$/),
      expect.stringMatching(new RegExp(`^${time} Alice: a line that is still being typed, and take$`)),
      "s more than one row of (at the cursor) sixty",
      ">",
    ]);
  });

  test("sends to another channel, and shows the channel in the prompt", async () => {
    await using server = await startServer();
    await using program = new ProgramUnderTest(["connect", "--name", "Alice", "--url", server.url], { columns });
    await program.until(/Welcome/);
    program.type("/join room:1\r");
    await program.until(/You joined room:1\. Your next messages go there\./);
    using bob = await SocketUnderTest.open(`${server.wsUrl}?channel=room:1`);
    program.type("in the room\r");
    expect(await bob.until((it) => it.message === "in the room")).toMatchObject({ channel: "room:1", sender: "Alice" });
    await picture(program, new RegExp(`^${time} \\(room:1\\) Alice: in the room$`), /^room:1>$/);
    program.type("/leave\r");
    await picture(program, /^You left room:1\. Your next messages go to all\.$/, /^>$/);
  });

  test.each([
    ["/quit", "/quit\r"],
    ["Ctrl+C in the middle of a line", "half a line\u0003"],
    ["Ctrl+D", "\u0004"],
  ])("leaves with %s, and restores the terminal", async (_, typed) => {
    await using server = await startServer();
    await using program = new ProgramUnderTest(["connect", "--name", "Alice", "--url", server.url], { columns });
    await program.until(/Welcome/);
    program.type(typed);
    const { code } = await program.ended();
    expect(code).toBe(0);
    await picture(program, /^Disconnected from server$/);
    await server.untilLogged(/Client disconnected: .* Total clients: 0/);
  });

  test.each([
    [{}, true],
    [{ NO_COLOR: "1" }, false],
  ])("uses colours, unless the user disables them: %j", async (env, hasColors) => {
    await using server = await startServer();
    await using program = new ProgramUnderTest(["connect", "--name", "Alice", "--url", server.url], { columns, env });
    await program.until(/Welcome/);
    expect(program.output.includes("\u001b[33m")).toBe(hasColors);
  });
});

describe("fanfare subscribe", () => {
  test("starts in the past, and ends after --count messages", async () => {
    await using server = await startServer();
    const env = { PORT: String(server.port) };
    await runProgram(["publish", "--channel", "room:1"], { env, input: "a\nb\nc\nd" });
    const args = ["subscribe", "room:1", "--count", "2"];
    const last = await runProgram([...args, "--since", "last:2"], { env });
    expect(last).toMatchObject({ code: 0, err: "" });
    expect(last.out).toMatch(new RegExp(`^${time} c\n${time} d\n$`));
    const early = await runProgram([...args, "--since", "earliest", "--json"], { env });
    const [first, second, ...others] = early.out.split("\n");
    expect(others).toEqual([""]);
    expect(JSON.parse(first ?? "")).toMatchObject({ channel: "room:1", offset: 1, message: "a" });
    const { cursor } = JSON.parse(second ?? "");
    expect((await runProgram([...args, "--since", cursor], { env })).out).toMatch(
      new RegExp(`^${time} c\n${time} d\n$`),
    );
    expect((await runProgram([...args, "--since", "1"], { env })).out).toMatch(new RegExp(`^${time} b\n${time} c\n$`));
  });

  test("reports missing messages on standard error", async () => {
    await using server = await startServer({ env: { HISTORY_SIZE: "2" } });
    const env = { PORT: String(server.port) };
    await runProgram(["publish", "--channel", "room:1"], { env, input: "a\nb\nc\nd" });
    const { out, err } = await runProgram(["subscribe", "room:1", "--since", "1", "--count", "2"], { env });
    expect(out).toMatch(new RegExp(`^${time} c\n${time} d\n$`));
    expect(err).toBe("gap: room:1: message 2 is missing (history-too-short)\n");
  });

  test("resumes after a restart with nothing missing and nothing twice", async () => {
    const folder = await mkdtemp(join(tmpdir(), "fanfare-"));
    try {
      const env = { DATA_DIR: folder };
      let port = "";
      await using program = await (async () => {
        await using server = await startServer({ env });
        port = String(server.port);
        const before = new ProgramUnderTest(["subscribe", "room:1", "--port", port, "--json", "--count", "4"]);
        await until(() => subscribers(server.url), "the program has subscribed");
        await runProgram(["publish", "--channel", "room:1", "--port", port], { input: "a\nb" });
        await before.until(/"b"/);
        server.signal("SIGTERM");
        await before.until(/connection lost; reconnecting …/);
        return before;
      })();
      await using _ = await startServer({ env, flags: ["--port", port] });
      await runProgram(["publish", "--channel", "room:1", "--port", port], { input: "c\nd" });
      const { code, out, err } = await program.ended();
      expect(code).toBe(0);
      expect(
        out
          .trimEnd()
          .split("\n")
          .map((line) => [JSON.parse(line).offset, JSON.parse(line).message]),
      ).toEqual([
        [1, "a"],
        [2, "b"],
        [3, "c"],
        [4, "d"],
      ]);
      expect(err).toBe("connection lost; reconnecting …\nreconnected\n");
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test("receives its user's messages, and no one else's", async () => {
    await using server = await startServer();
    await using program = new ProgramUnderTest([
      "subscribe",
      "@u1",
      "--user",
      "u1",
      "--count",
      "1",
      "--url",
      server.url,
    ]);
    await server.untilLogged(/Client connected/);
    const receipt = await runProgram([
      "publish",
      "--user",
      "u1",
      "--data",
      '{"n":1}',
      "--event",
      "price",
      "--url",
      server.url,
    ]);
    expect(receipt.out).toMatch(/^@u1: offset 1, id \S+ \(user connected\)\n$/);
    expect(await program.ended()).toMatchObject({
      code: 0,
      err: "",
      out: expect.stringMatching(/ price \{"n":1\}\n$/),
    });
    expect(await runProgram(["subscribe", "@u2", "--user", "u1", "--url", server.url])).toEqual({
      code: 1,
      out: "",
      err: `error: "@u2" is another user's channel: only that user's connections can subscribe to it\n`,
    });
  });

  test.each([
    [[], 0],
    [["--count", "3"], 130],
  ])("ends on Ctrl+C, and the exit code says that --count was not reached: %j", async (flags, code) => {
    await using server = await startServer();
    await using program = new ProgramUnderTest(["subscribe", "room:1", "--url", server.url, ...flags]);
    await until(() => subscribers(server.url), "the program has subscribed");
    program.signal("SIGINT");
    expect(await program.ended()).toEqual({ code, out: "", err: "" });
  });
});

describe("fanfare publish and status of a secured server", () => {
  test("use the key from the settings, or say which setting is missing", async () => {
    const env = { API_KEY: `publish@${key},read@d81b4e6f0a93c752-of-a-test`, ANONYMOUS: "on" };
    await using server = await startServer({ env });
    const flags = ["--url", server.url];
    expect(await runProgram(["publish", "Hi", ...flags], { env })).toMatchObject({ code: 0, err: "" });
    const status = await runProgram(["status", "--json", ...flags], { env });
    expect(JSON.parse(status.out)).toMatchObject({
      url: server.url,
      state: "healthy",
      connections: 0,
      users: 0,
    });
    const err =
      "error: the server requires an API key (401): set API_KEY (environment, .env or settings file), or pass --api-key\n";
    // Another user's control socket is ignored, just like one in another directory.
    for (const command of [["publish", "Hi"], ["status"]]) {
      const options = { env: { TMPDIR: "/nowhere" } };
      expect(await runProgram([...command, ...flags], options)).toEqual({ code: 1, out: "", err });
    }
    const asOwner = await runProgram(["status", "--json", "--port", String(server.port)]);
    expect(JSON.parse(asOwner.out)).toMatchObject({ state: "healthy", connections: 0, users: null });
  });

  test("status draws in place on a terminal, until it is interrupted", async () => {
    await using server = await startServer();
    await using program = new ProgramUnderTest(["status", "--watch", "--url", server.url], { columns: 80 });
    await program.until(/healthy[\s\S]*healthy/);
    expect(terminalPicture(program.output, 80)).toEqual([
      `Fanfare at ${server.url}`,
      "",
      "state    connections  channels  messages/s  deliveries/s  memory  uptime",
      expect.stringMatching(/^healthy +0 /),
    ]);
    program.signal("SIGINT");
    expect((await program.ended()).code).toBe(0);
  });

  const onLinux = testIf(process.platform === "linux", "it needs setsid");
  onLinux("status clears a window of another width, where nobody knows how its lines were wrapped", async () => {
    await using server = await startServer();
    await using program = ProgramUnderTest.inSession(["status", "--watch", "--url", server.url], 80);
    await program.until(/healthy/);
    program.resize(40);
    await program.until((shown) => /healthy/.test(shown.split("\u001b[H\u001b[J")[1] ?? ""));
    expect(terminalPicture(program.output, 40)[0]).toBe(`Fanfare at ${server.url}`);
    expect(
      terminalPicture(program.output, 40)
        .join("\n")
        .match(/Fanfare at/g),
    ).toHaveLength(1);
  });
});

/** Whether room:1 has a subscriber. */
async function subscribers(url: string): Promise<boolean> {
  const answer = await fetch(`${url}/v1/connections`);
  return (await answer.text()).includes('"room:1"');
}
