import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ChannelName } from "../../../protocol/channel-name.ts";
import { defaultLogLimits } from "../log-limits.ts";
import type { Archive } from "./archive.ts";
import { openHistory } from "./open-history.ts";

const mebibyte = 1024 ** 2;
/** The limit of docs/durable-history.md: twice the total, plus messages waiting to be deleted and the write-ahead log. */
const slack = 32 * mebibyte;
const rules = { historySize: 1_000_000, historyTtl: 86_400_000, historyBytes: 1024 * mebibyte };

let directory = "";

beforeEach(() => {
  directory = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "fanfare-size-"));
});

afterEach(() => rmSync(directory, { recursive: true }));

const open = (totalBytes: number, now = 0) =>
  openHistory(directory, { ...defaultLogLimits, totalBytes }, { now, wall: now });

const sizeOnDisk = () => readdirSync(directory).reduce((sum, name) => sum + statSync(join(directory, name)).size, 0);

/** Publishes without a pause, in transactions as large as a broker's. @returns the largest size on disk in the meantime */
function fill(archive: Archive, bytes: number, message: string): number {
  let largest = 0;
  const length = Buffer.byteLength(JSON.stringify(message));
  for (let written = 0, count = 0; written < bytes; ) {
    const entries = Array.from({ length: 1000 }, () => {
      written += length;
      return { draft: { channel: `channel-${count++ % 50}` as ChannelName, message }, rules };
    });
    archive.append([{ verb: "append", entries, now: 0, wall: 0 }], 0);
    largest = Math.max(largest, sizeOnDisk());
  }
  return largest;
}

describe("the size of a history on disk", () => {
  test.each([
    ["plain text", "m".repeat(2000)],
    ["text that takes three times its length", "語".repeat(700)],
    ["text that is escaped to six times its length", "\u0001".repeat(700)],
  ])("is bounded while messages come without a pause: %s", (_, message) => {
    const archive = open(mebibyte);
    expect(fill(archive, 60 * mebibyte, message)).toBeLessThan(2 * mebibyte + slack);
    archive.close(0, 0);
  });

  test("is little more than the size of the kept messages", () => {
    const total = 16 * mebibyte;
    const archive = open(total);
    fill(archive, 40 * mebibyte, "m".repeat(2000));
    while (!archive.sweep(0, 0)) {}
    expect(sizeOnDisk()).toBeLessThan(2 * total + slack);
    archive.close(0, 0);
  });

  test("shrinks at start-up once most of the file is free", () => {
    const large = open(64 * mebibyte);
    fill(large, 60 * mebibyte, "m".repeat(2000));
    large.close(0, 0);
    const before = sizeOnDisk();
    const small = open(mebibyte);
    while (!small.sweep(0, 0)) {}
    small.close(0, 0);
    const again = open(mebibyte);
    expect(before).toBeGreaterThan(40 * mebibyte);
    expect(sizeOnDisk()).toBeLessThan(3 * mebibyte);
    expect(again.takeNotes()).toEqual([]);
    again.close(0, 0);
  });
});
