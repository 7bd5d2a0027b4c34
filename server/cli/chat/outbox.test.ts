import { beforeEach, describe, expect, test } from "bun:test";
import { MovedClock } from "../../lib/moved-clock.ts";
import { ChatOutbox } from "./outbox.ts";

let said: string[];
let complaints: string[];
let isConnected: boolean;
let clock: MovedClock;
let outbox: ChatOutbox;

beforeEach(() => {
  said = [];
  complaints = [];
  isConnected = true;
  clock = new MovedClock();
  outbox = new ChatOutbox({
    say: (text) => {
      if (isConnected) said.push(text);
      return isConnected;
    },
    complain: (line) => void complaints.push(line),
    giveUp: (text, why) => void complaints.push(`gave up ${JSON.stringify(text)}: ${why}`),
    clock,
  });
});

describe("a line on its way to everyone", () => {
  test("is said at once, and the next one when it came back", async () => {
    const first = outbox.send("a");
    const second = outbox.send("b");
    expect(said).toEqual(["a"]);
    outbox.see("a");
    await first;
    expect(said).toEqual(["a", "b"]);
    outbox.see("b");
    await second;
  });

  test("waits for a connection", () => {
    isConnected = false;
    void outbox.send("a");
    expect(said).toEqual([]);
    isConnected = true;
    outbox.sayFirst();
    expect(said).toEqual(["a"]);
  });

  test("is said again over a new connection when its copy did not come", () => {
    void outbox.send("a");
    outbox.hold();
    outbox.sayFirst();
    expect(said).toEqual(["a", "a"]);
  });

  test("is not said again when its copy was among what was missed", () => {
    void outbox.send("a");
    outbox.hold();
    outbox.see("a");
    outbox.sayFirst();
    expect(said).toEqual(["a"]);
  });

  test("is not taken for somebody else's words", () => {
    void outbox.send("a");
    void outbox.send("b");
    outbox.see("b");
    expect(said).toEqual(["a"]);
  });

  test("is said more slowly where the server says that it was too fast", () => {
    void outbox.send("a");
    outbox.refuse("rate-limited", "too fast");
    expect(said).toEqual(["a"]);
    clock.move(1000);
    expect({ said, complaints }).toEqual({ said: ["a", "a"], complaints: [] });
  });

  test("is given up where it is refused, and the next one is said", async () => {
    const first = outbox.send("a\u001b");
    void outbox.send("b");
    outbox.refuse("forbidden", "chat is off");
    await first;
    expect({ said, complaints }).toEqual({ said: ["a\u001b", "b"], complaints: ['gave up "a\\u001b": chat is off'] });
  });

  test("is given up where nothing comes back for long", async () => {
    const first = outbox.send("a");
    clock.move(14_999);
    expect(complaints).toEqual([]);
    clock.move(1);
    await first;
    expect(complaints).toEqual(['gave up "a": it did not come back; whether the others have it is not known']);
  });

  test("is not given up while there is no connection", () => {
    void outbox.send("a");
    outbox.hold();
    clock.move(60_000);
    expect(complaints).toEqual([]);
  });
});

test("a refusal of nothing that was said is told", () => {
  outbox.refuse("bad-request", "what?");
  expect(complaints).toEqual(["what?"]);
});
