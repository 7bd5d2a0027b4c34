import { expect, test } from "bun:test";
import { refuseRepeatedParameters } from "./repeated-parameters.ts";

const names = ["limit", "since"];
const check = (query: string) => refuseRepeatedParameters(new URLSearchParams(query), names);

test.each([
  ["limit=1&limit=2", "limit", 2],
  ["limit=1&limit=1", "limit", 2],
  ["since=&x=1&since=&since=", "since", 3],
  ["limit=1&%6cimit=2", "limit", 2],
])("%s is refused", (query, field, count) => {
  const message = `${field}: expected once, got ${count} times`;
  expect(() => check(query)).toThrow(expect.objectContaining({ code: "bad-request", field, message }));
});

test.each(["", "limit=1", "limit=1&since=2", "LIMIT=1&limit=2", "channel=a&channel=b", "limit=1&limit%20=2"])(
  "%p is not refused",
  (query) => {
    expect(() => check(query)).not.toThrow();
  },
);
