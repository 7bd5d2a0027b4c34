import type { ChannelName } from "../../protocol/channel-name.ts";
import type { Identity } from "../auth/identity.ts";
import type { Basis, Decision } from "../auth/rights.ts";
import type { ChannelRule } from "../channels/rule.ts";

/** Why a client has a right, or lacks it. */
export interface Explanation {
  readonly granted: boolean;
  /** The kind of thing that decides. */
  readonly source: Source;
  /** The deciding rule, as it is written: `publish: nobody`. */
  readonly rule?: string;
  /** Where that is set: `channels[1] (fanfare.config.yaml, line 12)`. */
  readonly place?: string;
  readonly because: string;
}

export type Source = (typeof sources)[number];

export const sources = ["token", "rule", "default", "setting", "hook", "block", "built-in"] as const;

/** The subject of a decision. */
export interface Facts {
  readonly channel: ChannelName;
  readonly identity: Identity;
  /** The rule of the settings that applies to the channel, if there is one. */
  readonly rule: ChannelRule | undefined;
  readonly isSecured: boolean;
}

type Field = "subscribe" | "publish" | "presence";

/** Says in words which rule decided about a right. */
export function explanationOf(field: Field, { granted, basis }: Decision, facts: Facts): Explanation {
  switch (basis.by) {
    case "grant":
      return { granted, ...byToken(field, basis.pattern, facts) };
    case "rule":
      return { granted, ...byRule(basis, granted, facts) };
    case "hook":
      return { granted, ...byHook(basis.answer, facts) };
    case "chat":
      return { granted, ...byChat(granted, facts) };
    default:
      return { granted, source: "built-in", because: builtIn[basis.by] };
  }
}

type Why = Omit<Explanation, "granted">;

function byToken(field: Field, pattern: string, { identity }: Facts): Why {
  const hasOwnClaim = field !== "presence" || identity.grants.patterns.presence !== undefined;
  const claim = hasOwnClaim ? field : "subscribe";
  const place = claim === "presence" ? "the token's claim presence" : `the token's claim ${claim} or channels`;
  return { source: "token", rule: JSON.stringify(pattern), place, because: "the token grants it" };
}

function byHook(because: string, { rule }: Facts): Why {
  if (rule === undefined) return { source: "hook", because };
  return { source: "hook", rule: `match: ${JSON.stringify(rule.match)}, subscribe: hook`, place: rule.place, because };
}

function byChat(granted: boolean, { identity }: Facts): Why {
  const rule = `CHAT=${granted ? "on" : "off"}`;
  const place = "the setting CHAT";
  if (granted) return { source: "setting", rule, place, because: "every client may" };
  return { source: "setting", rule, place, because: missing('"publish":["all"]', identity) };
}

function byRule({ field, access }: Extract<Basis, { by: "rule" }>, granted: boolean, facts: Facts): Why {
  const { rule, isSecured } = facts;
  const because = reasonOf(field, access, granted, facts);
  if (rule?.[field] !== undefined) {
    return {
      source: "rule",
      rule: `match: ${JSON.stringify(rule.match)}, ${field}: ${access}`,
      place: rule.place,
      because,
    };
  }
  const reason = rule === undefined ? "no channel rule matches" : `${rule.place} does not set ${field}`;
  const place = `the default of ${isSecured ? "a secured" : "an open"} server, because ${reason}`;
  return { source: "default", rule: `${field}: ${access}`, place, because };
}

function reasonOf(field: Field, access: string, granted: boolean, { channel, identity, isSecured }: Facts): string {
  if (access === "on") return "every client that may subscribe sees the users";
  if (access === "off") return "no client sees the users or their number";
  if (access === "anyone") return "every client may";
  if (access === "nobody") return "no client may, whatever its token";
  if (access === "token" && !isSecured) return "every client may: an open server has no tokens";
  if (granted) return "every client with a user may";
  const claim = field === "presence" && identity.grants.patterns.presence === undefined ? "subscribe" : field;
  return missing(`"${claim}":[${JSON.stringify(channel)}]`, identity);
}

function missing(grant: string, { token }: Identity): string {
  return `it needs a token with ${grant}${token === undefined ? "" : ", and the token has no such grant"}`;
}

const builtIn = {
  everyone: "every client receives the channel all",
  "own-channel": "it is the user's own channel",
  "users-channel": "only the user subscribes to its channel, and no client publishes to it",
  reserved: "names that begin with # or $ are reserved for the server",
} as const;
