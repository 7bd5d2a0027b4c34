import { describe, expect, test } from "bun:test";
import type { ChannelName } from "../../../protocol/channel-name.ts";
import type { Publication } from "../../../protocol/publication.ts";
import { fc } from "../../../tests/property.ts";
import { otherFields } from "../other-fields.ts";
import {
  costOfRecord,
  lengthAt,
  mostRecordBytes,
  readRecord,
  recordBytes,
  timeOfRecord,
  writeLabels,
  writeRecord,
} from "./publication-record.ts";

const place = { channel: "room" as ChannelName, epoch: "e1", offset: 7 };
const base = { ...place, id: "i", timestamp: 1_764_345_600_123 };
const labels = { cost: 481, at: 1_764_345_600_000 };

/** Writes a publication between other bytes, and reads it again. */
function copyOf(publication: Publication) {
  const others = otherFields(publication, publication.message ?? "");
  const target = Buffer.alloc(20 + mostRecordBytes(publication, others), 0xff);
  const end = writeRecord(target, 10, publication, others);
  writeLabels(target, 10, labels.cost, labels.at);
  expect(lengthAt(target, 10)).toBe(end - 10);
  expect(recordBytes(publication, others)).toBe(end - 10);
  expect(target.subarray(end).every((byte) => byte === 0xff)).toBe(true);
  expect([costOfRecord(target, 10), timeOfRecord(target, 10)]).toEqual([labels.cost, labels.at]);
  return readRecord(target, 10, place);
}

describe("a record", () => {
  test.each<[string, Partial<Publication>]>([
    ["data", { data: '{"order":42}' }],
    ["a message", { message: "Hello" }],
    ["both", { message: "Grüße, 世界 😀", data: '"é世"' }],
    ["an empty message", { message: "" }],
    ["an empty message with data", { message: "", data: "1" }],
    ["half of a surrogate pair", { message: "\ud83d" }],
    ["half of a surrogate pair among other texts", { message: "a\0\ude00é", data: '"世"', key: "k", sender: "é" }],
    ["labels", { data: "1", event: "e", sender: "世", key: "k", sentAt: 0.5, excludeConnectionId: "c_1" }],
    ["headers", { message: "m", headers: Object.fromEntries([["__proto__", "x"]]) }],
    ["a field that is not known here", { message: "m", new: { nested: [1] } } as Partial<Publication>],
    ["a timestamp of 0", { message: "m", timestamp: 0 }],
  ])("keeps %s", (_, fields) => {
    expect(copyOf({ ...base, ...fields })).toStrictEqual({ ...base, ...fields });
  });

  test("keeps all texts, whatever characters they have", () => {
    const text = fc.string({ unit: "grapheme", maxLength: 300 });
    const fields = fc.record({
      message: fc.oneof(text, fc.string({ unit: "binary" })),
      data: text.map(String),
      key: text,
    });
    fc.assert(
      fc.property(fields, ({ message, data, key }) => {
        const publication = { ...base, message, data: JSON.stringify(data), key };
        expect(copyOf(publication)).toStrictEqual(publication);
      }),
    );
  });

  test.each([["世"], ["\ud83d"], ["\ud83d\0"]])("a message of %j takes at most three bytes per character", (unit) => {
    const message = unit.repeat(1000);
    const publication = { ...base, message };
    expect(recordBytes(publication, otherFields(publication, message))).toBeLessThan(3 * message.length + 100);
  });

  test("belongs to the place that it is read for", () => {
    const publication = { ...base, epoch: "before", offset: 1, data: "1" };
    expect(copyOf(publication)).toStrictEqual({ ...publication, ...place });
  });
});
