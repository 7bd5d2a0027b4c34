import { beforeEach, describe, expect, test } from "bun:test";
import { MovedClock } from "../../lib/moved-clock.ts";
import { ChatOutbox } from "./outbox.ts";

let sent: string[];
let warnings: string[];
let isConnected: boolean;
let clock: MovedClock;
let outbox: ChatOutbox;

beforeEach(() => {
  sent = [];
  warnings = [];
  isConnected = true;
  clock = new MovedClock();
  outbox = new ChatOutbox({
    send: (text) => {
      if (isConnected) sent.push(text);
      return isConnected;
    },
    warn: (line) => void warnings.push(line),
    onFailed: (text, why) => void warnings.push(`gave up ${JSON.stringify(text)}: ${why}`),
    clock,
  });
});

describe("a line for the channel all", () => {
  test("is sent at once, and the next one after its echo", async () => {
    const first = outbox.send("a");
    const second = outbox.send("b");
    expect(sent).toEqual(["a"]);
    outbox.confirm("a");
    await first;
    expect(sent).toEqual(["a", "b"]);
    outbox.confirm("b");
    await second;
  });

  test("waits for a connection", () => {
    isConnected = false;
    void outbox.send("a");
    expect(sent).toEqual([]);
    isConnected = true;
    outbox.sendFirst();
    expect(sent).toEqual(["a"]);
  });

  test("is sent again over a new connection if its echo did not arrive", () => {
    void outbox.send("a");
    outbox.pause();
    outbox.sendFirst();
    expect(sent).toEqual(["a", "a"]);
  });

  test("is not sent again if its echo is among the missed messages", () => {
    void outbox.send("a");
    outbox.pause();
    outbox.confirm("a");
    outbox.sendFirst();
    expect(sent).toEqual(["a"]);
  });

  test("is not confirmed by a different text", () => {
    void outbox.send("a");
    void outbox.send("b");
    outbox.confirm("b");
    expect(sent).toEqual(["a"]);
  });

  test("is retried after a second if the server says rate-limited", () => {
    void outbox.send("a");
    outbox.refuse("rate-limited", "too fast");
    expect(sent).toEqual(["a"]);
    clock.move(1000);
    expect({ sent, warnings }).toEqual({ sent: ["a", "a"], warnings: [] });
  });

  test("fails if the server refuses it, and the next one is sent", async () => {
    const first = outbox.send("a\u001b");
    void outbox.send("b");
    outbox.refuse("forbidden", "chat is off");
    await first;
    expect({ sent, warnings }).toEqual({ sent: ["a\u001b", "b"], warnings: ['gave up "a\\u001b": chat is off'] });
  });

  test("fails if its echo does not arrive in time", async () => {
    const first = outbox.send("a");
    clock.move(14_999);
    expect(warnings).toEqual([]);
    clock.move(1);
    await first;
    expect(warnings).toEqual(['gave up "a": no confirmation from the server; it may or may not have been sent']);
  });

  test("does not time out while there is no connection", () => {
    void outbox.send("a");
    outbox.pause();
    clock.move(60_000);
    expect(warnings).toEqual([]);
  });
});

test("an error that belongs to no line is reported", () => {
  outbox.refuse("bad-request", "what?");
  expect(warnings).toEqual(["what?"]);
});
