import { expect, test } from "bun:test";
import { makePush, room } from "../../tests/fakes/publication.ts";
import { Batch } from "./batch.ts";
import { Advance } from "./push.ts";
import type { WireForm } from "./wire-form.ts";

/** A form that counts its encodings. */
function makeForm(name: string) {
  const form = {
    encoded: 0,
    carriesCursor: false,
    encode: (items: Parameters<WireForm["encode"]>[0]) => {
      form.encoded++;
      return [`${name}:${items.length}`];
    },
    frame: () => [],
    join: () => [],
  };
  return form;
}

test("a batch is encoded once per form, however many sessions receive it, and in any turn", () => {
  const [a, b] = [makeForm("a"), makeForm("b")];
  const batch = new Batch(room, 0, [makePush(1), makePush(2)]);
  const texts = [a, a, b, a, b, b].map((form) => batch.encoded(form)[0]);
  expect(texts).toEqual(["a:2", "a:2", "b:2", "a:2", "b:2", "b:2"]);
  expect([a.encoded, b.encoded]).toEqual([1, 1]);
});

test("a publication is encoded when first needed, and once", () => {
  const push = makePush(1, { data: "[1]" });
  const first = push.json;
  expect(push.json).toBe(first);
  expect(JSON.parse(first)).toMatchObject({ type: "message", channel: "room", offset: 1, data: [1] });
});

test("an advance contains channel and offset", () => {
  expect(JSON.parse(new Advance(room, 7).json)).toEqual({ type: "advance", channel: "room", offset: 7 });
});
