import { nearest } from "../../protocol/nearest.ts";
import { parseByteSize } from "../lib/byte-size.ts";
import { parseDuration } from "../lib/duration.ts";

/**
 * Who may subscribe or publish. `authenticated`: clients with a user. `token`: clients whose token has a grant. `nobody`: no
 * client. The HTTP API with a key is not affected.
 */
export type ChannelAccess = (typeof accesses)[number];

/**
 * Who sees the users in a channel. `on`: clients that may subscribe. `off`: no client, not even the count. `granted`: clients
 * whose token has a grant; others see the number of connections.
 */
export type ChannelPresence = "on" | "off" | "granted";

/** One entry of `channels` in the settings file. Missing fields default to the server's settings. */
export interface ChannelRule {
  /** A channel name, a prefix followed by `*` (`room:*`), or `*` for every channel. */
  readonly match: string;
  /** Maximum number of publications; 0: no history. */
  readonly historySize?: number;
  /** Milliseconds. */
  readonly historyTtl?: number;
  readonly historyBytes?: number;
  /** Whether clients that may subscribe see the users. */
  readonly presence?: Exclude<ChannelPresence, "granted">;
  /** Whether clients in the channel receive presence events. Requires `presence: on` in the same rule. */
  readonly presenceEvents?: boolean;
  /** `hook`: the application decides, unless the token has a grant. */
  readonly subscribe?: ChannelAccess | "hook";
  readonly publish?: ChannelAccess;
  /** Where it is defined, for `fanfare explain`: `channels[1] (fanfare.config.yaml, line 12)`. */
  readonly place: string;
}

/**
 * Parses the list from the settings file. Problems look like `channels[0].publish: expected …`.
 * @param placeOf where the rule with an index is defined, such as `fanfare.config.yaml, line 12`; undefined if it is not known
 */
export function parseChannelRules(
  value: unknown,
  placeOf: (index: number) => string | undefined = () => undefined,
): { readonly rules: ChannelRule[]; readonly problems: string[] } {
  const problems: string[] = [];
  const rules: ChannelRule[] = [];
  if (value === undefined || value === null) return { rules, problems };
  if (!Array.isArray(value)) return { rules, problems: [`channels: expected a list of rules, got ${shown(value)}`] };
  for (const [index, entry] of value.entries()) {
    const parsed = parseRule(entry, `channels[${index}]`, problems);
    if (parsed === undefined) continue;
    const place = placeOf(index);
    const rule = { ...parsed, place: `channels[${index}]${place === undefined ? "" : ` (${place})`}` };
    // The first match wins, so a rule after a more general one would never apply.
    const before = rules.find((earlier) => covers(earlier.match, rule.match));
    if (before === undefined) rules.push(rule);
    else
      problems.push(
        `channels[${index}].match: ${shown(rule.match)} never applies, because ${shown(before.match)} comes first`,
      );
  }
  return { rules, problems };
}

/** Whether a pattern matches a channel's name. */
export function matches(pattern: string, channel: string): boolean {
  return pattern.endsWith("*") ? channel.startsWith(pattern.slice(0, -1)) : pattern === channel;
}

const accesses = ["anyone", "authenticated", "token", "nobody"] as const;

interface Field {
  readonly key: Exclude<keyof ChannelRule, "match" | "place">;
  readonly expected: string;
  parse(value: unknown): number | boolean | ChannelPresence | ChannelAccess | "hook" | undefined;
}

const access = { expected: "anyone, authenticated, token or nobody", parse: parseAccess };

/** The fields by their name in the file. */
const fields: Readonly<Record<string, Field>> = {
  history_size: { key: "historySize", expected: "a whole number from 0 to 1000000", parse: parseSize },
  history_ttl: { key: "historyTtl", expected: "a time above 0 such as 30s, 5m or 2h", parse: parseTtl },
  history_bytes: { key: "historyBytes", expected: "bytes such as 64KiB or 1MiB", parse: parseByteSize },
  presence: { key: "presence", expected: "on or off", parse: parsePresence },
  presence_events: { key: "presenceEvents", expected: "on or off", parse: parseSwitch },
  subscribe: {
    key: "subscribe",
    expected: "anyone, authenticated, hook, token or nobody",
    parse: (value) => (value === "hook" ? value : parseAccess(value)),
  },
  publish: { key: "publish", ...access },
};

/** The expected value of each field except `match`, by its name in the file. */
export const ruleFields: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(fields).map(([name, { expected }]) => [name, expected]),
);

/** A pattern has no control characters and no spaces, and `*` only at the end. */
const matchPattern = /^(?:[^\s\p{Cc}*,#$][^\s\p{Cc}*,]{0,199})?\*?$/u;

function parseRule(entry: unknown, place: string, problems: string[]): Omit<ChannelRule, "place"> | undefined {
  if (typeof entry !== "object" || entry === null || Array.isArray(entry)) {
    problems.push(`${place}: expected a rule such as {match: "room:*", history_size: 5000}, got ${shown(entry)}`);
    return undefined;
  }
  const { match, ...rest } = Object.fromEntries(Object.entries(entry));
  if (typeof match !== "string" || match === "" || !matchPattern.test(match)) {
    const expected = "a channel name, a prefix followed by *, or *";
    problems.push(`${place}.match: expected ${expected}, got ${shown(match)}`);
    return undefined;
  }
  const rule: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(rest)) {
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    const parsed = field?.parse(value);
    if (field === undefined) problems.push(`${place}.${name}: ${unknownField(name)}`);
    else if (parsed === undefined) problems.push(`${place}.${name}: expected ${field.expected}, got ${shown(value)}`);
    else rule[field.key] = parsed;
  }
  if (rule.presenceEvents === true && rule.presence !== "on") {
    problems.push(
      `${place}.presence_events: requires presence: on in the same rule, because the events name the users`,
    );
  }
  return { match, ...rule };
}

function unknownField(name: string): string {
  const guess = nearest(name, [...Object.keys(fields), "match"]);
  return guess === undefined
    ? `unknown field; expected one of match, ${Object.keys(fields).join(", ")}`
    : `did you mean ${guess}?`;
}

function covers(earlier: string, later: string): boolean {
  return earlier.endsWith("*") ? later.startsWith(earlier.slice(0, -1)) : earlier === later;
}

function parseSize(value: unknown): number | undefined {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 1_000_000 ? value : undefined;
}

function parseTtl(value: unknown): number | undefined {
  const ms = parseDuration(value);
  return ms === 0 ? undefined : ms;
}

function parsePresence(value: unknown): ChannelRule["presence"] {
  const isOn = parseSwitch(value);
  if (isOn === undefined) return undefined;
  return isOn ? "on" : "off";
}

function parseSwitch(value: unknown): boolean | undefined {
  if (value === true || value === "on") return true;
  return value === false || value === "off" ? false : undefined;
}

function parseAccess(value: unknown): ChannelAccess | undefined {
  return accesses.find((word) => word === value);
}

function shown(value: unknown): string {
  return value === undefined ? "nothing" : (JSON.stringify(value) ?? String(value)).slice(0, 80);
}
