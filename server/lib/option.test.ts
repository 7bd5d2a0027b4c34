import { describe, expect, test } from "bun:test";
import { bytes, choice, duration, flagOf, limit, list, nameOf, port, text, toggle, whole } from "./option.ts";

describe("an option accepts values within its rule, at both ends and not one beyond:", () => {
  test.each([
    ["duration", duration(0, "", { min: 100, max: 1000 }), ["100ms", "1s"], ["99ms", "1001ms", "soon"]],
    ["bytes", bytes(0, "", { min: 256, max: 1024 }), ["256", "1KiB"], ["255", "1025", "much"]],
    ["whole", whole(0, "", { min: 1, max: 9 }), [1, "9"], [0, "10", "1.5", 1.5, "x", "1e1", true]],
    ["port", port(1, ""), ["0", 65_535], ["-1", 65_536]],
    ["toggle", toggle(false, ""), ["on", "OFF", true, "yes", "0"], ["maybe", 2, ""]],
    ["choice", choice("a", "", { choices: ["a", "b"] }), ["a", "B "], ["c", 1]],
    ["text", text("", "", { pattern: /^\/\w*$/ }), ["/ws", " /ws "], ["ws", {}, true]],
    ["list", list([], "", { pattern: /^\d+$/ }), ["1,2", ["1", "2"], "1,,2,"], ["1,x", [1], {}]],
    ["limit", limit(5, "", { max: 9 }), ["9", 0], ["10", -1]],
  ])("%s", (_, option, good, bad) => {
    for (const value of good) expect(option.parse(value)).toBeDefined();
    for (const value of bad) expect(option.parse(value)).toBeUndefined();
  });
});

test("a limit of 0 means no limit, and is written as 0", () => {
  const option = limit(5, "Things.");
  expect(option.parse("0")).toBe(Number.POSITIVE_INFINITY);
  expect(option.format(Number.POSITIVE_INFINITY)).toBe("0");
  expect(option.help).toBe("Things. 0: no limit.");
});

test("a list is separated by commas, by lines, or is an array; empty items are skipped", () => {
  const option = list([], "");
  expect(option.parse("a, b,,\nc")).toEqual(["a", "b", "c"]);
  expect(option.parse(["a", "b"])).toEqual(["a", "b"]);
});

test("a choice has synonyms", () => {
  const option = choice("WARNING", "", { choices: ["WARNING", "ERROR"], synonyms: { warn: "WARNING" } });
  expect(option.parse("Warn")).toBe("WARNING");
  expect(option.parse("constructor")).toBeUndefined();
});

test("names are derived from the key, unless the option has its own", () => {
  expect(nameOf("maxConnectionsPerIp", toggle(false, ""))).toBe("MAX_CONNECTIONS_PER_IP");
  expect(nameOf("apiKeys", list([], "", { name: "API_KEY" }))).toBe("API_KEY");
  expect(flagOf("MAX_CONNECTIONS_PER_IP")).toBe("--max-connections-per-ip");
});
