import { describe, expect, test } from "bun:test";
import type { ChannelName } from "../../../protocol/channel-name.ts";
import type { Draft, Publication } from "../../../protocol/publication.ts";
import { fc } from "../../../tests/property.ts";
import {
  formatDelivery,
  formatOwn,
  formatPublish,
  formatReceipt,
  parseDelivery,
  parseOwn,
  parsePublish,
  parseReceipt,
} from "./publication-lines.ts";

const rules = { historySize: 0, historyTtl: 300_000, historyBytes: Number.MAX_SAFE_INTEGER };
const place = { id: "order-42", epoch: "k3x9", offset: 17, timestamp: 1764345600123 };
const channel = "room:ü€😀" as ChannelName;

/** Any text, halves of surrogate pairs included. */
const text = fc.string({ unit: fc.nat(0xffff).map((code) => String.fromCharCode(code)), maxLength: 20 });
const body = fc.record(
  {
    message: fc.oneof(text, fc.constantFrom("", "\n", "a\n\nb\n")),
    data: fc.constantFrom("null", '{"order":42}', '["é",9007199254740993]', '"a\\nb"'),
    event: fc.constant("price"),
    sender: fc.constantFrom("Åsa", "€"),
    sentAt: fc.constant(1.5),
    key: fc.constant("k"),
    headers: fc.constant(Object.fromEntries([["__proto__", "a\nb"]])),
    excludeConnectionId: fc.constant("c_1"),
  },
  { requiredKeys: [] },
);
const draft = fc.tuple(
  body,
  fc.record({ id: fc.constant("i 1"), ephemeral: fc.constant(true as const) }, { requiredKeys: [] }),
);

describe("the lines of", () => {
  test("a draft give the same draft, whatever its texts contain", () => {
    fc.assert(
      fc.property(draft, fc.nat(), ([its, more], n) => {
        const sent: Draft = { channel, ...its, ...more, publisher: "user:alice" };
        expect(parsePublish(formatPublish(n, sent, rules))).toEqual({ verb: "publish", n, draft: sent, rules });
      }),
    );
  });

  test("a delivery give the same publication, whatever its texts contain", () => {
    fc.assert(
      fc.property(body, (its) => {
        const sent: Publication = { channel, ...its, ...place };
        expect(parseDelivery(formatDelivery(sent))).toEqual({ verb: "publication", publication: sent });
      }),
    );
  });

  test.each([
    { ...rules, historyTtl: 0.5 },
    { ...rules, historyBytes: 1e21 },
  ])("a draft keep numbers that are not only digits: %j", (odd) => {
    const question = parsePublish(formatPublish(1, { channel, data: "1" }, odd));
    expect(question).toEqual({ verb: "publish", n: 1, draft: { channel, data: "1" }, rules: odd });
  });

  test.each([
    { id: "i", position: { epoch: "k3x9", offset: 17 }, duplicate: false, listeners: 2 },
    { id: "i", position: { epoch: "k3x9", offset: 17 }, duplicate: true, listeners: undefined },
    { id: "i", position: undefined, duplicate: false, listeners: 0 },
  ])("a receipt give the same receipt: %j", (published) => {
    const receipt = parseReceipt(formatReceipt(3, published, published.listeners ?? 5));
    expect(receipt).toEqual({ verb: "published", n: 3, published });
  });

  test("a worker's own delivery give its place", () => {
    expect(parseOwn(formatOwn(3, place, 2))).toEqual({ verb: "own", n: 3, place, listeners: 2 });
    const ephemeral = { ...place, epoch: "", offset: 0 };
    expect(parseOwn(formatOwn(3, ephemeral, 1))?.place).toEqual(ephemeral);
  });

  test("one kind are not read as another, and JSON is none of them", () => {
    const texts = [
      formatPublish(1, { channel, data: "1" }, rules),
      formatReceipt(1, { id: "i", position: undefined, duplicate: false, listeners: 1 }, 1),
      formatOwn(1, place, 1),
      formatDelivery({ channel, data: "1", ...place }),
      '{"verb":"done","n":1}',
    ];
    const parsers = [parsePublish, parseReceipt, parseOwn, parseDelivery];
    const verbs = texts.map((it) => parsers.map((parse) => parse(it)?.verb).filter((verb) => verb !== undefined));
    expect(verbs).toEqual([["publish"], ["published"], ["own"], ["publication"], []]);
  });
});
