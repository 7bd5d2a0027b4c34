import {
  type ChannelName,
  everyone,
  isServerChannel,
  parseUserId,
  userChannel,
  userIdRuleFor,
} from "../../protocol/channel-name.ts";
import { ServiceError } from "../../protocol/errors.ts";
import { noGrants, type Verb } from "./grants.ts";
import { anonymous, type Identity } from "./identity.ts";
import type { TokenVerifier } from "./token.ts";

/**
 * Whom a channel's rules let in. `token`: a grant of the token decides. `nobody`: no client, whatever its token says
 * (the HTTP API is not asked).
 */
export type ChannelAccess = "anyone" | "authenticated" | "token" | "nobody";

/** What a channel's rules say of access. */
export interface AccessRules extends Readonly<Record<Verb, ChannelAccess>> {
  /** `on`: whoever may subscribe sees the users. `granted`: whoever has a grant; others see the count. `off`: nobody sees anything. */
  readonly presence: "on" | "off" | "granted";
}

/** The switches with their defaults filled in: which mode has which default is for the settings to know. */
export interface AccessSettings {
  /** Whether any credential is configured. */
  readonly isSecured: boolean;
  /** Part of the mode for those who show it; no permission depends on it. */
  readonly insecure: boolean;
  readonly chat: boolean;
  readonly anonymous: boolean;
  readonly trustUserId: boolean;
  /** Undefined where no `JWT_*` and no `JWKS_URL` is configured. */
  readonly verifier: TokenVerifier | undefined;
  readonly rulesOf: (channel: ChannelName) => AccessRules;
}

/**
 * Decides who a connection is and what it may do: the permission table of docs/auth.md, and the only place where it
 * stands. It keeps nothing. Refusals are ServiceErrors: "unauthorized" where a token or a user would help, "forbidden"
 * where it would not.
 */
export class Access {
  readonly #settings: AccessSettings;

  constructor(settings: AccessSettings) {
    this.#settings = settings;
  }

  /**
   * Who this is. Answers at once where no token is given. Empty texts count as not given.
   * @throws ServiceError (or rejects with one, where a token is given) for whom the server does not let in.
   */
  identify(asked: {
    readonly userId: string | undefined;
    readonly token: string | undefined;
  }): Identity | Promise<Identity> {
    const userId = asked.userId === "" ? undefined : asked.userId;
    if (asked.token !== undefined && asked.token !== "") return this.#byToken(asked.token, userId);
    return userId === undefined ? this.#withoutUser() : this.#byWord(userId);
  }

  /** Whether this one may subscribe to the channel, and read its history and presence. @throws ServiceError if not. */
  checkSubscribe(identity: Identity, channel: ChannelName): void {
    if (channel === everyone) return;
    if (identity.userId !== undefined && channel === userChannel(identity.userId)) return;
    if (channel.startsWith("@")) {
      throw new ServiceError("forbidden", `${quoted(channel)} is another user's: only that user's connections get it`);
    }
    this.#check("subscribe", identity, channel);
  }

  /**
   * What this one is told of who is in the channel: the users, or only how many connections there are.
   * @param identity undefined for an API key, which sees the users wherever presence is not off
   * @throws ServiceError where it may not ask at all
   */
  checkPresence(identity: Identity | undefined, channel: ChannelName): "users" | "count" {
    if (identity !== undefined) this.checkSubscribe(identity, channel);
    const { presence } = this.#settings.rulesOf(channel);
    if (presence === "off") {
      throw new ServiceError("forbidden", `presence is off in ${quoted(channel)}: its channel rule says presence: off`);
    }
    if (identity === undefined || presence === "on") return "users";
    const isOwn = identity.userId !== undefined && channel === userChannel(identity.userId);
    return isOwn || identity.grants.allow("subscribe", channel) ? "users" : "count";
  }

  /** Whether this client may publish to the channel; to `all` the rule of the chat counts. @throws ServiceError if not. */
  checkPublish(identity: Identity, channel: ChannelName): void {
    if (channel === everyone) {
      this.checkChat(identity);
      return;
    }
    if (channel.startsWith("@")) {
      const message = `${quoted(channel)} is a user's own: no client publishes to it; push to the user over HTTP`;
      throw new ServiceError("forbidden", message);
    }
    this.#check("publish", identity, channel);
  }

  /** @throws ServiceError where `mayChat` is false. */
  checkChat(identity: Identity): void {
    if (this.mayChat(identity)) return;
    throw refused(identity, `chat is off here: CHAT=on allows it to all, a token with "publish":["all"] to its user`);
  }

  /** Whether this client may publish to `all`, be it as a message, as text or by `send_now`. */
  mayChat(identity: Identity): boolean {
    return this.#settings.chat || identity.grants.allow("publish", everyone);
  }

  /** What a client's publication says about its sender. On a secured server that is its user, whatever it claims. */
  senderOf(identity: Identity, claimed: string | undefined): string | undefined {
    return this.#settings.isSecured ? identity.userId : (claimed ?? identity.userId);
  }

  async #byToken(token: string, userId: string | undefined): Promise<Identity> {
    const { verifier } = this.#settings;
    if (verifier === undefined) {
      const message = "this server checks no tokens: leave it out, or configure JWT_SECRET, JWT_PUBLIC_KEY or JWKS_URL";
      throw new ServiceError("unauthorized", message);
    }
    const identity = await verifier.verify(token);
    if (userId === undefined || userId === identity.userId) return identity;
    throw new ServiceError("forbidden", "user_id is not the user of the token (its `sub`): leave user_id out");
  }

  #byWord(text: string): Identity {
    const userId = parseUserId(text);
    if (userId === undefined) throw new ServiceError("bad-request", `user_id: expected ${userIdRuleFor(text)}`);
    if (this.#settings.trustUserId) return { userId, grants: noGrants, expiresAtMs: undefined };
    const message = `user_id is not believed here: bring a token whose \`sub\` is the user, or set TRUST_USER_ID=on`;
    throw new ServiceError("unauthorized", message);
  }

  #withoutUser(): Identity {
    if (this.#settings.anonymous) return anonymous;
    const message = "nobody connects here without a user: bring a token as token=, as Authorization: Bearer, or as the";
    throw new ServiceError("unauthorized", `${message} subprotocol fanfare.token.<jwt>`);
  }

  #check(verb: Verb, identity: Identity, channel: ChannelName): void {
    if (isServerChannel(channel)) {
      throw new ServiceError("forbidden", `${quoted(channel)}: names that begin with # or $ are the server's own`);
    }
    const rule = this.#settings.rulesOf(channel)[verb];
    if (this.#allows(rule, verb, identity, channel)) return;
    const action = verb === "subscribe" ? "subscribe to" : "publish to";
    throw refused(identity, `not allowed to ${action} ${quoted(channel)}: ${wayOut(rule, verb)}`);
  }

  #allows(rule: ChannelAccess, verb: Verb, identity: Identity, channel: ChannelName): boolean {
    if (rule === "nobody") return false;
    // An open server has no tokens, so a rule that asks for one would shut the channel for everybody.
    if (rule === "anyone" || (rule === "token" && !this.#settings.isSecured)) return true;
    if (rule === "authenticated" && identity.userId !== undefined) return true;
    return identity.grants.allow(verb, channel);
  }
}

/** Who has no user can still come back with one; who has one is told no. */
function refused(identity: Identity, message: string): ServiceError {
  return new ServiceError(identity.userId === undefined ? "unauthorized" : "forbidden", message);
}

function wayOut(rule: ChannelAccess, verb: Verb): string {
  if (rule === "nobody") return "the channel's rules let no client do it";
  if (rule === "authenticated") return "it takes a user";
  return `it takes a token whose "${verb}" covers it, or a rule of the channel`;
}

function quoted(channel: ChannelName): string {
  return JSON.stringify(channel);
}
