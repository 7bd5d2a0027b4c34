import { describe, expect, test } from "bun:test";
import { EventEmitter } from "node:events";
import { makeLogWriter } from "./log-writer.ts";

/** A stream that accepts everything, and says whether it wants more. */
class FakeStream extends EventEmitter {
  readonly written: string[] = [];
  isFull = false;

  write(text: string): boolean {
    this.written.push(text);
    return !this.isFull;
  }
}

describe("the log writer", () => {
  test("writes each entry at once while its reader keeps up", () => {
    const stream = new FakeStream();
    const write = makeLogWriter(stream);
    write("a\n");
    write("b\n");
    expect(stream.written).toEqual(["a\n", "b\n"]);
  });

  test("buffers entries while its reader is slow, and writes them together", () => {
    const stream = new FakeStream();
    const write = makeLogWriter(stream);
    stream.isFull = true;
    for (const line of ["a\n", "b\n", "c\n"]) write(line);
    expect(stream.written).toEqual(["a\n"]);
    stream.isFull = false;
    stream.emit("drain");
    write("d\n");
    expect(stream.written).toEqual(["a\n", "b\nc\n", "d\n"]);
  });

  test("drops entries above a megabyte, and reports how many", () => {
    const stream = new FakeStream();
    const write = makeLogWriter(stream);
    const half = "x".repeat(512 * 1024);
    stream.isFull = true;
    for (const line of ["a\n", half, half, "b\n", "c\n"]) write(line);
    stream.emit("drain");
    expect(stream.written[1]).toBe(
      `${half}${half}2 log entries were dropped because the reader of the log was stalled\n`,
    );
    // Entries that were written or counted are not written or counted again.
    write("d\n");
    stream.emit("drain");
    stream.emit("drain");
    expect(stream.written.slice(2)).toEqual(["d\n"]);
  });

  test("survives a closed pipe", () => {
    const stream = new FakeStream();
    const write = makeLogWriter(stream);
    expect(() => stream.emit("error", new Error("EPIPE"))).not.toThrow();
    expect(() => write("a\n")).not.toThrow();
  });
});
