import { expect, test } from "bun:test";
import { makePush, room } from "../../tests/fakes/publication.ts";
import { costOf } from "../broker/cost-of.ts";
import { Push } from "./push.ts";

/** A push of this message, and how often it was encoded. */
function encodedPush(message: string) {
  const { publication } = makePush(1, { message });
  let reads = 0;
  const counted = {
    ...publication,
    get message() {
      reads++;
      return message;
    },
  };
  const push = new Push(counted);
  reads = 0;
  push.json;
  const perEncoding = reads;
  push.json;
  return { push, encodings: reads / perEncoding };
}

test("the JSON of a publication is kept, and its memory is counted", () => {
  const { push, encodings } = encodedPush("x".repeat(10_000));
  expect(encodings).toBe(1);
  expect(push.bytes).toBe(2 * costOf(push.publication));
  expect(push.publication.channel).toBe(room);
});

test("JSON that is larger than the publication is not kept, since its memory is not counted", () => {
  const { push, encodings } = encodedPush("\u0001".repeat(10_000));
  expect(push.json.length).toBeGreaterThan(6 * 10_000);
  expect(encodings).toBe(2);
});
