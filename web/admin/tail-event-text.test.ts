import { expect, test } from "bun:test";
import { tailEventText } from "./tail-event-text.ts";

const published = { at: "", kind: "published", worker: "worker 1", channel: "room:1", id: "m7", offset: 7 };
const refused = { at: "", kind: "refused", worker: "worker 2", action: "subscribe", channel: "room:2", user_id: "bob" };

test.each([
  [{ ...published, bytes: 12 }, "room:1, offset 7, id m7, 12 bytes (worker 1)"],
  [{ ...published, bytes: 1 }, "room:1, offset 7, id m7, 1 byte (worker 1)"],
  [{ ...refused, code: "forbidden", reason: "no" }, "subscribe of room:2, user bob, forbidden: no (worker 2)"],
])("%o", (event, text) => {
  expect(tailEventText(event)).toBe(text);
});
