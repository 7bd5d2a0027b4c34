import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ChannelName } from "../../protocol/channel-name.ts";
import { Grants, parsePattern } from "../../server/auth/grants.ts";
import { matches, parseChannelRules } from "../../server/channels/rule.ts";

const page = readFileSync(join(import.meta.dir, "..", "..", "docs", "auth.md"), "utf8");
const section = page.slice(page.indexOf("### Patterns"), page.indexOf("### Blocking"));
const quoted = (text: string) => [...text.matchAll(/`([^`]+)`/g)].map(([, it = ""]) => it);

const rows = section
  .split("\n")
  .filter((line) => line.startsWith("| `"))
  .map((line) => line.split("|").slice(1, 4).map(quoted));
const refused = quoted(/^Not a pattern.*$/m.exec(section)?.[0] ?? "");

describe("the table of patterns in docs/auth.md", () => {
  test("has rows", () => {
    expect([rows.length, refused.length]).toEqual([5, 5]);
  });

  test.each(rows)("%j covers %j but not %j, in tokens and in rules", ([pattern = ""], covered = [], others = []) => {
    const grants = new Grants({ subscribe: [pattern], publish: [pattern], presence: [pattern] });
    const names = [...covered, ...others];
    expect(parsePattern(pattern)).toBe(pattern);
    expect(parseChannelRules([{ match: pattern }]).problems).toEqual([]);
    expect(names.filter((it) => matches(pattern, it))).toEqual(covered);
    for (const verb of ["subscribe", "publish", "presence"] as const) {
      expect(names.filter((it) => grants.find(verb, it as ChannelName) === pattern)).toEqual(covered);
    }
  });

  test.each(refused)("%s is refused, in tokens and in rules", (pattern) => {
    expect(parsePattern(pattern)).toBeUndefined();
    expect(parseChannelRules([{ match: pattern }]).problems).not.toEqual([]);
  });

  test("a token cannot grant users' channels, but rules apply to them", () => {
    expect(parsePattern("@*")).toBeUndefined();
    expect(parseChannelRules([{ match: "@*" }]).problems).toEqual([]);
    expect(matches("*", "@alice")).toBe(true);
  });
});
