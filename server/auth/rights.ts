import { type ChannelName, everyone, isServerChannel, userChannel } from "../../protocol/channel-name.ts";
import type { Verb } from "./grants.ts";
import type { Identity } from "./identity.ts";

/**
 * Who may subscribe or publish. `token`: clients whose token has a grant. `nobody`: no client, whatever its token says. The
 * HTTP API with a key is not affected.
 */
export type ChannelAccess = "anyone" | "authenticated" | "token" | "nobody";

/** The part of a channel's rules that controls access. */
export interface AccessRules {
  /** `hook`: the application decides, unless the token has a grant. */
  readonly subscribe: ChannelAccess | "hook";
  readonly publish: ChannelAccess;
  /** `on`: clients that may subscribe see the users. `granted`: clients with a grant do, others the count. `off`: no client. */
  readonly presence: "on" | "off" | "granted";
}

/** The settings that decide on rights in a channel. */
export interface RightsSettings {
  /** Whether any credential is configured. */
  readonly isSecured: boolean;
  readonly chat: boolean;
  readonly rulesOf: (channel: ChannelName) => AccessRules;
}

/**
 * The reason for a decision:
 * - `everyone`: the channel `all`, which every client receives
 * - `own-channel`, `users-channel`, `reserved`: the kind of the channel, which no rule and no grant changes
 * - `chat`: the setting CHAT
 * - `grant`: a pattern in the client's token
 * - `hook`: the application, and its answer in words
 * - `rule`: the channel's rule or, without one, the default of the mode. `access` is its value
 */
export type Basis =
  | { readonly by: "everyone" | "own-channel" | "users-channel" | "reserved" | "chat" }
  | { readonly by: "grant"; readonly pattern: string }
  | { readonly by: "hook"; readonly answer: string }
  | { readonly by: "rule"; readonly field: "subscribe" | "publish"; readonly access: ChannelAccess | "hook" }
  | { readonly by: "rule"; readonly field: "presence"; readonly access: AccessRules["presence"] };

/** Whether a client has a right in a channel, and why. */
export interface Decision {
  readonly granted: boolean;
  readonly basis: Basis;
}

/** A decision on presence: clients that may not see the users may still see their number. */
export interface PresenceDecision extends Decision {
  readonly sees: "users" | "count" | "nothing";
}

/**
 * Decides what a client may do in a channel, and says why: the permission table of docs/auth.md, for channels. `Access` enforces
 * these decisions and `GET /v1/explain` shows them, so that both always agree. Stateless.
 */
export class Rights {
  readonly #settings: RightsSettings;

  constructor(settings: RightsSettings) {
    this.#settings = settings;
  }

  /** Subscribing, and reading the history. Not granted, by a rule `hook`: the application decides. */
  subscribe(identity: Identity, channel: ChannelName): Decision {
    if (channel === everyone) return { granted: true, basis: { by: "everyone" } };
    if (isOwn(identity, channel)) return { granted: true, basis: { by: "own-channel" } };
    return this.#inChannel("subscribe", identity, channel);
  }

  publish(identity: Identity, channel: ChannelName): Decision {
    return channel === everyone ? this.chat(identity) : this.#inChannel("publish", identity, channel);
  }

  /** Publishing to `all`: by a `message` frame, as text or with `send_now`. */
  chat(identity: Identity): Decision {
    if (this.#settings.chat) return { granted: true, basis: { by: "chat" } };
    return granted("publish", identity, everyone) ?? { granted: false, basis: { by: "chat" } };
  }

  /** Seeing who is in the channel, for a client that may subscribe to it. Others see nothing. */
  presence(identity: Identity, channel: ChannelName): PresenceDecision {
    const access = this.#settings.rulesOf(channel).presence;
    const rule = { by: "rule", field: "presence", access } as const;
    if (access === "off") return { granted: false, basis: rule, sees: "nothing" };
    if (access === "on") return { granted: true, basis: rule, sees: "users" };
    if (isOwn(identity, channel)) return { granted: true, basis: { by: "own-channel" }, sees: "users" };
    const byToken = granted("presence", identity, channel);
    return byToken === undefined ? { granted: false, basis: rule, sees: "count" } : { ...byToken, sees: "users" };
  }

  #inChannel(verb: "subscribe" | "publish", identity: Identity, channel: ChannelName): Decision {
    if (channel.startsWith("@")) return { granted: false, basis: { by: "users-channel" } };
    if (isServerChannel(channel)) return { granted: false, basis: { by: "reserved" } };
    const access = this.#settings.rulesOf(channel)[verb];
    const rule = { by: "rule", field: verb, access } as const;
    if (access === "nobody") return { granted: false, basis: rule };
    if (access === "anyone") return { granted: true, basis: rule };
    // An open server has no tokens, so the rule `token` would close the channel to everyone.
    if (access === "token" && !this.#settings.isSecured) return { granted: true, basis: rule };
    if (access === "authenticated" && identity.userId !== undefined) return { granted: true, basis: rule };
    return granted(verb, identity, channel) ?? { granted: false, basis: rule };
  }
}

function granted(verb: Verb, { grants }: Identity, channel: ChannelName): Decision | undefined {
  const pattern = grants.find(verb, channel);
  return pattern === undefined ? undefined : { granted: true, basis: { by: "grant", pattern } };
}

function isOwn({ userId }: Identity, channel: ChannelName): boolean {
  return userId !== undefined && channel === userChannel(userId);
}
