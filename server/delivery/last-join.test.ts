import { expect, test } from "bun:test";
import type { ChannelName } from "../../protocol/channel-name.ts";
import { makePush } from "../../tests/fakes/publication.ts";
import { Batch } from "../session/batch.ts";
import type { WireForm } from "../session/wire-form.ts";
import { LastJoin } from "./last-join.ts";

const [a, b] = [1, 2].map((offset) => new Batch("a" as ChannelName, offset - 1, [makePush(offset)]));

function makeForm(): WireForm & { joins: number } {
  return {
    joins: 0,
    carriesCursor: true,
    encode: (items) => items.map(({ json }) => json),
    frame: () => [],
    join(parts, cursor) {
      this.joins++;
      return [...parts.flat(), cursor];
    },
  };
}

test("the same batches with the same cursor are joined once, and anything else is joined again", () => {
  if (a === undefined || b === undefined) throw new Error("expected two batches");
  const [form, other] = [makeForm(), makeForm()];
  const last = new LastJoin();
  const both = last.join(form, [a, b], "a~e~2");
  expect(last.join(form, [a, b], "a~e~2")).toBe(both);
  expect(form.joins).toBe(1);
  expect(last.join(form, [a, b], "a~e~3").at(-1)).toBe("a~e~3");
  expect(last.join(form, [b, a], "a~e~3")).toHaveLength(3);
  expect(last.join(form, [a], "a~e~3")).toHaveLength(2);
  expect([form.joins, last.join(other, [a], "a~e~3").length, other.joins]).toEqual([4, 2, 1]);
  last.forget();
  last.join(other, [a], "a~e~3");
  expect(other.joins).toBe(2);
});
