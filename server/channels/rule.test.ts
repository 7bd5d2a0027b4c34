import { describe, expect, test } from "bun:test";
import { matches, parseChannelRules } from "./rule.ts";

const rulesOf = (value: unknown) => parseChannelRules(value).rules;
const problemsOf = (value: unknown) => parseChannelRules(value).problems;

describe("a pattern", () => {
  test.each([
    ["room:*", "room:1", true],
    ["room:*", "room:", true],
    ["room:*", "rooms", false],
    ["room:*", "room", false],
    ["room:*", "a:room:1", false],
    ["room", "room", true],
    ["room", "room:1", false],
    ["room", "roo", false],
    ["*", "anything", true],
    ["@*", "@alice", true],
  ])("%s and the channel %s: %p", (pattern, channel, does) => {
    expect(matches(pattern, channel)).toBe(does);
  });

  test.each([
    ["a b"],
    [""],
    ["*a"],
    ["a*b"],
    ["#a"],
    ["$a"],
    ["a,b"],
    ["a\u0007"],
    ["a".repeat(201)],
    [7],
    [undefined],
  ])("cannot be %p", (match) => {
    const [problem = "", ...others] = problemsOf([{ match }]);
    expect(others).toEqual([]);
    expect(problem).toStartWith("channels[0].match: expected a channel name");
  });

  test("may be as long as a channel name", () => {
    expect(problemsOf([{ match: "a".repeat(200) }, { match: `b${"a".repeat(199)}*` }])).toEqual([]);
  });
});

describe("a rule", () => {
  test.each(["off", undefined])("with presence events and presence %p is rejected", (presence) => {
    const rule = { match: "a", presence_events: "on", ...(presence === undefined ? {} : { presence }) };
    expect(problemsOf([rule])).toEqual([
      "channels[0].presence_events: requires presence: on in the same rule, because the events name the users",
    ]);
    expect(rulesOf([{ ...rule, presence: "on" }])).toMatchObject([{ presence: "on", presenceEvents: true }]);
  });

  test("is read field by field", () => {
    const written = {
      match: "room:*",
      history_size: 5,
      history_ttl: "2m",
      history_bytes: "1KiB",
      presence: false,
      subscribe: "authenticated",
      publish: "nobody",
    };
    expect(rulesOf([written])).toEqual([
      {
        match: "room:*",
        historySize: 5,
        historyTtl: 120_000,
        historyBytes: 1024,
        presence: "off",
        subscribe: "authenticated",
        publish: "nobody",
        place: "channels[0]",
      },
    ]);
  });

  test("knows where it is defined in the file", () => {
    const { rules } = parseChannelRules([{ match: "a" }, { match: "b" }], (index) => `a.yaml, line ${index + 2}`);
    expect(rules.map(({ place }) => place)).toEqual(["channels[0] (a.yaml, line 2)", "channels[1] (a.yaml, line 3)"]);
  });

  test.each([
    ["history_size", 1_000_001, "a whole number from 0 to 1000000, got 1000001"],
    ["history_size", -1, "a whole number from 0 to 1000000, got -1"],
    ["history_size", "5", 'a whole number from 0 to 1000000, got "5"'],
    ["history_ttl", 0, "a time above 0 such as 30s, 5m or 2h, got 0"],
    ["history_bytes", "much", 'bytes such as 64KiB or 1MiB, got "much"'],
    ["presence", "maybe", 'on or off, got "maybe"'],
    ["presence_events", "maybe", 'on or off, got "maybe"'],
    ["subscribe", "everyone", 'anyone, authenticated, hook, token or nobody, got "everyone"'],
    ["publish", "hook", 'anyone, authenticated, token or nobody, got "hook"'],
    ["publish", true, "anyone, authenticated, token or nobody, got true"],
  ])("with %s: %p is rejected, and the error names field and rule", (field, value, expected) => {
    expect(problemsOf([{ match: "a", [field]: value }])).toEqual([`channels[0].${field}: expected ${expected}`]);
  });

  test("with an unknown field is rejected, and the error suggests the nearest one", () => {
    expect(problemsOf([{ match: "a", subscibe: "anyone" }])).toEqual(["channels[0].subscibe: did you mean subscribe?"]);
    expect(problemsOf([{ match: "a", color: 1 }])[0]).toStartWith(
      "channels[0].color: unknown field; expected one of match,",
    );
  });

  test("after a rule that covers it is rejected, since it would never apply", () => {
    expect(problemsOf([{ match: "*" }, { match: "room" }])).toEqual([
      'channels[1].match: "room" never applies, because "*" comes first',
    ]);
    expect(problemsOf([{ match: "room" }, { match: "room:*" }, { match: "*" }])).toEqual([]);
  });

  test.each([[{}], ["room"], [7]])("list that is %p is rejected", (value) => {
    expect(problemsOf(value)[0]).toStartWith("channels: expected a list of rules");
  });

  test.each([["room"], [null], [["a"]]])("that is %p is rejected", (value) => {
    expect(problemsOf([value])[0]).toStartWith("channels[0]: expected a rule such as");
  });
});
