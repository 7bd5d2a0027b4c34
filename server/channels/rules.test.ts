import { describe, expect, test } from "bun:test";
import type { ChannelName } from "../../protocol/channel-name.ts";
import type { ChannelRule } from "./rule.ts";
import { ChannelRules } from "./rules.ts";

const defaults = { historySize: 100, historyTtl: 1000, historyBytes: 10_000, isSecured: false };
type Written = Omit<ChannelRule, "place">;
const placed = (rules: readonly Written[]) => rules.map((rule, index) => ({ ...rule, place: `channels[${index}]` }));
const of = (rules: readonly Written[], channel: string, more: Partial<typeof defaults & { capacity: number }> = {}) => {
  const { capacity, ...changed } = more;
  return new ChannelRules(placed(rules), { ...defaults, ...changed }, capacity).of(channel as ChannelName);
};

describe("the options of a channel", () => {
  test("without a rule come from the server's settings, open or secured", () => {
    const { isSecured: _, ...history } = defaults;
    expect(of([], "a")).toEqual({
      ...history,
      subscribe: "anyone",
      publish: "anyone",
      presence: "on",
      presenceEvents: false,
    });
    expect(of([], "a", { isSecured: true })).toMatchObject({
      subscribe: "token",
      publish: "token",
      presence: "granted",
    });
  });

  test("come from the first matching rule, and from the settings for fields that it omits", () => {
    const rules: Written[] = [
      { match: "room:vip", subscribe: "token", historySize: 5 },
      { match: "room:*", subscribe: "authenticated", publish: "nobody", presence: "off" },
      { match: "*", historyTtl: 1 },
    ];
    const secured = { isSecured: true };
    expect(of(rules, "room:vip", secured)).toMatchObject({
      historySize: 5,
      subscribe: "token",
      publish: "token",
      presence: "granted",
    });
    expect(of(rules, "room:1", secured)).toMatchObject({
      historySize: 100,
      subscribe: "authenticated",
      publish: "nobody",
      presence: "off",
    });
    expect(of(rules, "rooms", secured)).toMatchObject({ historyTtl: 1, subscribe: "token" });
  });

  test("stay the same if more channels are used than are cached", () => {
    const rules = new ChannelRules(placed([{ match: "a*", historySize: 7 }]), defaults, 2);
    for (const name of ["a1", "b1", "a2", "a1", "b2", "b1", "a3"]) {
      expect(rules.of(name as ChannelName).historySize).toBe(name.startsWith("a") ? 7 : 100);
    }
  });

  test.each([
    [2, 2],
    [undefined, 100_000],
  ])("are cached for a bounded number of channels: capacity %p", (capacity, most) => {
    const rules = new ChannelRules(placed([{ match: "a*" }]), defaults, capacity);
    for (let count = 1; count <= most; count++) rules.of(`a${count}` as ChannelName);
    rules.of("a1" as ChannelName);
    expect(rules.cached).toBe(most);
    rules.of("one more" as ChannelName);
    expect(rules.cached).toBe(1);
  });

  test("are not cached without rules", () => {
    const rules = new ChannelRules([], defaults);
    rules.of("a" as ChannelName);
    expect(rules.cached).toBe(0);
  });

  test("are one object for all channels of a rule", () => {
    const rules = new ChannelRules(placed([{ match: "a*", historySize: 7 }]), defaults);
    expect(rules.of("a1" as ChannelName)).toBe(rules.of("a2" as ChannelName));
  });

  test("come from a rule that can be named, or from none", () => {
    const rules = new ChannelRules(placed([{ match: "a" }, { match: "b*", publish: "nobody" }]), defaults);
    expect(rules.ruleFor("b1" as ChannelName)).toEqual({ match: "b*", publish: "nobody", place: "channels[1]" });
    expect(rules.ruleFor("c" as ChannelName)).toBeUndefined();
  });
});
