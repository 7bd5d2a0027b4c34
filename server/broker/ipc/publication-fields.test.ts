import { describe, expect, test } from "bun:test";
import type { ChannelName } from "../../../protocol/channel-name.ts";
import type { Draft, Publication } from "../../../protocol/publication.ts";
import { fc } from "../../../tests/property.ts";
import { FieldReader } from "../../lib/link/field-reader.ts";
import type { FieldWriter } from "../../lib/link/field-writer.ts";
import { headerBytes } from "../../lib/link/frame.ts";
import { Outbox } from "../../lib/link/outbox.ts";
import {
  readFromHost,
  readPublish,
  writeDelivery,
  writeOwn,
  writePublish,
  writeReceipt,
} from "./publication-fields.ts";

/** The publication as the other side reads it. */
function sent(write: (to: FieldWriter) => void): FieldReader {
  const outbox = new Outbox();
  write(outbox.begin());
  outbox.end();
  const reader = new FieldReader();
  reader.open(outbox.take(), headerBytes);
  return reader;
}

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

describe("the fields of", () => {
  test("a draft give the same draft, whatever its texts contain", () => {
    fc.assert(
      fc.property(draft, fc.nat(), ([its, more], n) => {
        const given: Draft = { channel, ...its, ...more, publisher: "user:alice" };
        expect(readPublish(sent((to) => writePublish(to, n, given, rules)))).toEqual({ n, draft: given, rules });
      }),
    );
  });

  test("a delivery give the same publication, whatever its texts contain", () => {
    fc.assert(
      fc.property(body, (its) => {
        const given: Publication = { channel, ...its, ...place };
        const read = readFromHost(sent((to) => writeDelivery(to, given)));
        expect(read).toEqual({ verb: "publication", publication: given });
      }),
    );
  });

  test("a draft share the rules of the last one only if they are the same", () => {
    const same = sent((to) => writePublish(to, 1, { channel, data: "1" }, { ...rules }));
    expect(readPublish(same, rules).rules).toBe(rules);
    for (const name of ["historySize", "historyTtl", "historyBytes"] as const) {
      const other = { ...rules, [name]: 0.5 };
      expect(
        readPublish(
          sent((to) => writePublish(to, 1, { channel }, other)),
          rules,
        ).rules,
      ).toEqual(other);
    }
  });

  test.each([
    { id: "i", position: { epoch: "k3x9", offset: 17 }, duplicate: false, listeners: 2 },
    { id: "i", position: { epoch: "k3x9", offset: 17 }, duplicate: true, listeners: undefined },
    { id: "i", position: undefined, duplicate: false, listeners: 0 },
  ])("a receipt give the same receipt: %j", (published) => {
    const read = readFromHost(sent((to) => writeReceipt(to, 3, published, published.listeners ?? 5)));
    expect(read).toEqual({ verb: "published", n: 3, published });
  });

  test.each([place, { ...place, epoch: "", offset: 0 }])("a worker's own delivery give its place: %j", (given) => {
    const read = readFromHost(sent((to) => writeOwn(to, 3, given, 2)));
    expect(read).toEqual({ verb: "own", n: 3, place: given, listeners: 2 });
  });
});
