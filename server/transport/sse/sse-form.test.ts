import { describe, expect, test } from "bun:test";
import { makePush, room } from "../../../tests/fakes/publication.ts";
import { Advance } from "../../session/push.ts";
import { sseComment, sseForm } from "./sse-form.ts";

const [first, second] = [makePush(1), makePush(2)];

describe("the wire form of event streams", () => {
  test("puts the cursor into the last block of a write, whatever that block is", () => {
    const parts = [sseForm.encode([first, second]), sseForm.encode([new Advance(room, 3)])];
    expect(sseForm.join(parts, "room~e~3")).toEqual([
      `data: ${first.json}\n\ndata: ${second.json}\n\nevent: system\ndata: ${new Advance(room, 3).json}\nid: room~e~3\n\n`,
    ]);
  });

  test("never contains a block without data", () => {
    const gap = sseForm.frame({ type: "pong" });
    const [text] = sseForm.join([sseForm.encode([first]), gap], "room~e~1");
    const blocks = String(text).split("\n\n");
    expect(blocks.pop()).toBe("");
    expect(blocks.map((block) => /^data: /m.test(block))).toEqual([true, true]);
  });

  test("omits an empty cursor, which would make the client forget the one it has", () => {
    expect(sseForm.join([sseForm.encode([first])], "")).toEqual([`data: ${first.json}\n\n`]);
  });

  test("has the same bytes before the cursor for all clients", () => {
    const parts = [sseForm.encode([first, second])];
    const [one = ""] = sseForm.join(parts, "a~e~1");
    const [other = ""] = sseForm.join(parts, "b~e~2");
    expect(String(one).split("id: ")[0]).toBe(String(other).split("id: ")[0]);
  });

  test("contains the event name of a publication", () => {
    const price = makePush(1, { event: "price" });
    expect(sseForm.join([sseForm.encode([price])], "c")).toEqual([`event: price\ndata: ${price.json}\nid: c\n\n`]);
  });

  test("escapes what some readers treat as a line break, and a JSON parser reads the same value", () => {
    const odd = makePush(1, { message: "a\u2028b\u2029c\u0085d", data: '{"x\u2028":"\u0085"}' });
    const [text] = sseForm.join([sseForm.encode([odd])], "c");
    expect(text).not.toMatch(/[\u0085\u2028\u2029]/);
    const json = /^data: (.*)$/m.exec(String(text))?.[1] ?? "";
    expect(JSON.parse(json)).toMatchObject({ message: "a\u2028b\u2029c\u0085d", data: { "x\u2028": "\u0085" } });
  });

  test("includes the reconnect time of a draining client in the block of the notice", () => {
    const draining = {
      type: "system",
      event: "draining",
      message: "",
      deadline_ms: 1,
      reconnect_after_ms: 4200,
      successor: false,
      timestamp: "",
    } as const;
    const [text] = sseForm.join([sseForm.frame(draining)], "c");
    expect(text).toMatch(/^retry: 4200\nevent: system\ndata: \{.*\}\nid: c\n\n$/);
  });

  test("writes a comment as one line, without an empty line that would end a block", () => {
    expect(sseComment).toEqual([":\n"]);
  });
});
