import { describe, expect, test } from "bun:test";
import { describeGap, messageLine, systemLine } from "./message-line.ts";
import { makePaint } from "./paint.ts";

const timestamp = new Date(2026, 10, 20, 10, 30, 35, 123).toISOString();
const stdout = { isTTY: false, write: () => true, on: () => {} };
const paint = makePaint({ env: {}, stdout });

describe("a message as a line", () => {
  test.each([
    [{ channel: "all", sender: "Bob", message: "Hey Alice" }, "[10:30:35] Bob: Hey Alice"],
    [{ channel: "all", message: "Scheduled broadcast" }, "[10:30:35] Scheduled broadcast"],
    [{ channel: "@u1", event: "price", data: { price: 42 } }, '[10:30:35] price {"price":42}'],
    [{ channel: "all", sender: "a\u001b[31m", message: "two\nlines" }, "[10:30:35] a\\x1b[31m: two\\nlines"],
    [{ channel: "all", data: "\u009b2J" }, '[10:30:35] "\\u009b2J"'],
    [{ channel: "all", message: "x", data: null }, "[10:30:35] x null"],
  ])("%j", (message, line) => {
    expect(messageLine({ timestamp, ...message }, { paint, showChannel: false })).toBe(line);
  });

  test("names the channel if there are several", () => {
    const message = { timestamp, channel: "room:1", sender: "Bob", message: "Hey" };
    expect(messageLine(message, { paint, showChannel: true })).toBe("[10:30:35] (room:1) Bob: Hey");
  });

  test("from the server begins with SYSTEM", () => {
    expect(systemLine({ timestamp, message: "Welcome!" }, paint)).toBe("[10:30:35] SYSTEM: Welcome!");
  });

  test("has a placeholder for an invalid timestamp", () => {
    expect(systemLine({ timestamp: "soon", message: "x" }, paint)).toBe("[--:--:--] SYSTEM: x");
  });
});

test.each([
  [{ epoch: "e", from: 3, to: 3, reason: "history-too-short" }, "message 3 is missing (history-too-short)"],
  [{ epoch: "e", from: 3, to: 9, reason: "unannounced" }, "messages 3 to 9 are missing (unannounced)"],
  [{ epoch: "e", from: 1, to: 0, reason: "epoch-changed" }, "the server lost its history; messages may be missing"],
] as const)("describes the gap %j", (gap, line) => {
  expect(describeGap(gap)).toBe(line);
});

describe("colours", () => {
  const terminal = { ...stdout, isTTY: true };

  test("are used in a terminal", () => {
    const { dim, name } = makePaint({ env: {}, stdout: terminal });
    expect(dim("x")).toBe("\u001b[2mx\u001b[0m");
    expect(name("Bob")).toBe(name("Bob"));
    expect(name("Bob")).toContain("\u001b[");
  });

  test.each([
    ["a pipe", {}, stdout],
    ["NO_COLOR", { NO_COLOR: "1" }, terminal],
    ["a terminal without colours", { TERM: "dumb" }, terminal],
  ])("are not used for %s", (_, env, output) => {
    const { dim, notice, error, name } = makePaint({ env, stdout: output });
    expect([dim, notice, error, name].map((it) => it("x"))).toEqual(["x", "x", "x", "x"]);
  });
});
