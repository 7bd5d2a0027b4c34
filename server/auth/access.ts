import {
  type ChannelName,
  everyone,
  isServerChannel,
  parseUserId,
  userChannel,
  userIdRuleFor,
} from "../../protocol/channel-name.ts";
import { ServiceError } from "../../protocol/errors.ts";
import { andThen } from "../lib/and-then.ts";
import type { Application } from "./application.ts";
import { noGrants, type Verb } from "./grants.ts";
import { anonymous, type Identity } from "./identity.ts";
import type { TokenVerifier } from "./token.ts";

/**
 * Who may subscribe or publish. `token`: clients whose token has a grant. `nobody`: no client, whatever its token says. The
 * HTTP API with a key is not affected.
 */
export type ChannelAccess = "anyone" | "authenticated" | "token" | "nobody";

/** The part of a channel's rules that is about access. */
export interface AccessRules {
  /** `hook`: the application decides, unless the token has a grant. */
  readonly subscribe: ChannelAccess | "hook";
  readonly publish: ChannelAccess;
  /** `on`: clients that may subscribe see the users. `granted`: clients with a grant do, others the count. `off`: no client. */
  readonly presence: "on" | "off" | "granted";
}

/** The settings that decide on access, with defaults filled in. */
export interface AccessSettings {
  /** Whether any credential is configured. */
  readonly isSecured: boolean;
  /** Only for display; no permission depends on it. */
  readonly insecure: boolean;
  readonly chat: boolean;
  readonly anonymous: boolean;
  readonly trustUserId: boolean;
  /** Undefined if neither `JWT_*` nor `JWKS_URL` is configured. */
  readonly verifier: TokenVerifier | undefined;
  /** A sentence for the client if its user or its token is blocked. */
  readonly whyBlocked?: ((identity: Identity) => string | undefined) | undefined;
  readonly rulesOf: (channel: ChannelName) => AccessRules;
  /** Undefined if no hook is configured. */
  readonly application?: Application | undefined;
}

/**
 * Decides which user a connection belongs to and what it may do. Implements the permission table of docs/auth.md. Stateless.
 * Throws ServiceErrors: "unauthorized" if a token or a user would help, otherwise "forbidden".
 */
export class Access {
  readonly #settings: AccessSettings;

  constructor(settings: AccessSettings) {
    this.#settings = settings;
  }

  /**
   * The identity of a client. Synchronous if there is no token. An empty user id or token counts as not given.
   * @throws ServiceError (or rejects with it, if there is a token) if the client may not connect
   */
  identify(given: {
    readonly userId: string | undefined;
    readonly token: string | undefined;
  }): Identity | Promise<Identity> {
    const userId = given.userId === "" ? undefined : given.userId;
    if (given.token !== undefined && given.token !== "") return this.#byToken(given.token, userId);
    return userId === undefined ? this.#withoutUser() : this.#byUserId(userId);
  }

  /** A sentence for the client if it is blocked. Checked by `identify`, and to be checked again when time has passed since. */
  whyBlocked(identity: Identity): string | undefined {
    return this.#settings.whyBlocked?.(identity);
  }

  /**
   * Checks that a new connection is welcome to the application. Synchronous unless the application must be asked.
   * @throws ServiceError if not, synchronously or as a rejection
   */
  checkConnect(identity: Identity, ip: string): Promise<void> | undefined {
    return this.#settings.application?.mayConnect(identity, ip);
  }

  /**
   * Checks that a client may subscribe to the channel and read its history. Synchronous unless the application must be asked.
   * @throws ServiceError if not, synchronously or as a rejection
   */
  checkSubscribe(identity: Identity, channel: ChannelName): Promise<void> | undefined {
    if (channel === everyone) return undefined;
    if (identity.userId !== undefined && channel === userChannel(identity.userId)) return undefined;
    if (channel.startsWith("@")) {
      throw new ServiceError(
        "forbidden",
        `${quoted(channel)} is another user's channel: only that user's connections can subscribe to it`,
      );
    }
    return this.#check("subscribe", identity, channel);
  }

  /**
   * What a client may see of a channel's presence: the users, or only the number of connections.
   * @param identity undefined for an API key, which sees the users unless presence is off
   * @throws ServiceError if it may see neither, synchronously or as a rejection
   */
  checkPresence(identity: Identity | undefined, channel: ChannelName): PresenceView | Promise<PresenceView> {
    const checked = identity === undefined ? undefined : this.checkSubscribe(identity, channel);
    return andThen(checked, () => this.#presenceView(identity, channel));
  }

  #presenceView(identity: Identity | undefined, channel: ChannelName): PresenceView {
    const { presence } = this.#settings.rulesOf(channel);
    if (presence === "off") {
      throw new ServiceError("forbidden", `presence is off in ${quoted(channel)} (channel rule presence: off)`);
    }
    if (identity === undefined || presence === "on") return "users";
    const isOwn = identity.userId !== undefined && channel === userChannel(identity.userId);
    return isOwn || identity.grants.allow("subscribe", channel) ? "users" : "count";
  }

  /** Checks that a client may publish to the channel. For `all`, `checkChat` decides. @throws ServiceError if not */
  checkPublish(identity: Identity, channel: ChannelName): void {
    if (channel === everyone) {
      this.checkChat(identity);
      return;
    }
    if (channel.startsWith("@")) {
      const message = `${quoted(channel)} is a user's channel: clients cannot publish to it; push to the user over HTTP`;
      throw new ServiceError("forbidden", message);
    }
    this.#check("publish", identity, channel);
  }

  /** @throws ServiceError if `mayChat` is false */
  checkChat(identity: Identity): void {
    if (this.mayChat(identity)) return;
    throw refused(identity, `chat is off: set CHAT=on, or use a token with "publish":["all"]`);
  }

  /** Whether a client may publish to `all`: by a `message` frame, as text or with `send_now`. */
  mayChat(identity: Identity): boolean {
    return this.#settings.chat || identity.grants.allow("publish", everyone);
  }

  /** The sender of a client's publication. On a secured server that is the user, whatever the client claims. */
  senderOf(identity: Identity, claimed: string | undefined): string | undefined {
    return this.#settings.isSecured ? identity.userId : (claimed ?? identity.userId);
  }

  #checkBlocked(identity: Identity): void {
    const reason = this.whyBlocked(identity);
    if (reason !== undefined) throw new ServiceError("forbidden", reason);
  }

  async #byToken(token: string, userId: string | undefined): Promise<Identity> {
    const { verifier } = this.#settings;
    if (verifier === undefined) {
      const message =
        "this server does not accept tokens: connect without one, or configure JWT_SECRET, JWT_PUBLIC_KEY or JWKS_URL";
      throw new ServiceError("unauthorized", message);
    }
    const identity = await verifier.verify(token);
    this.#checkBlocked(identity);
    if (userId === undefined || userId === identity.userId) return identity;
    throw new ServiceError("forbidden", "user_id differs from the token's user (its `sub`): omit user_id");
  }

  #byUserId(text: string): Identity {
    const userId = parseUserId(text);
    if (userId === undefined) throw new ServiceError("bad-request", `user_id: expected ${userIdRuleFor(text)}`);
    if (this.#settings.trustUserId) {
      const identity = { userId, grants: noGrants, expiresAtMs: undefined };
      this.#checkBlocked(identity);
      return identity;
    }
    const message = `this server does not accept user_id without a token: use a token whose \`sub\` is the user, or set TRUST_USER_ID=on`;
    throw new ServiceError("unauthorized", message);
  }

  #withoutUser(): Identity {
    if (this.#settings.anonymous) return anonymous;
    const message = "this server requires a token: pass it as ?token=, as Authorization: Bearer, or as the subprotocol";
    throw new ServiceError("unauthorized", `${message} fanfare.token.<jwt>`);
  }

  #check(verb: Verb, identity: Identity, channel: ChannelName): Promise<void> | undefined {
    if (isServerChannel(channel)) {
      throw new ServiceError(
        "forbidden",
        `${quoted(channel)}: names that begin with # or $ are reserved for the server`,
      );
    }
    const rule = this.#settings.rulesOf(channel)[verb];
    if (this.#allows(rule, verb, identity, channel)) return undefined;
    const { application } = this.#settings;
    if (rule === "hook" && application !== undefined) return application.maySubscribe(identity, channel);
    const action = verb === "subscribe" ? "subscribe to" : "publish to";
    throw refused(identity, `not allowed to ${action} ${quoted(channel)}: ${hintFor(rule, verb, channel)}`);
  }

  #allows(rule: ChannelAccess | "hook", verb: Verb, identity: Identity, channel: ChannelName): boolean {
    if (rule === "nobody") return false;
    // An open server has no tokens, so the rule `token` would close the channel to everyone.
    if (rule === "anyone" || (rule === "token" && !this.#settings.isSecured)) return true;
    if (rule === "authenticated" && identity.userId !== undefined) return true;
    return identity.grants.allow(verb, channel);
  }
}

/** The users of a channel, or only the number of its connections. */
type PresenceView = "users" | "count";

/** A client without a user can retry with a token; a client with one cannot. */
function refused(identity: Identity, message: string): ServiceError {
  return new ServiceError(identity.userId === undefined ? "unauthorized" : "forbidden", message);
}

function hintFor(rule: ChannelAccess | "hook", verb: Verb, channel: ChannelName): string {
  if (rule === "nobody") return `a channel rule (${verb}: nobody) forbids it for all clients`;
  if (rule === "authenticated") return "it requires a user";
  if (rule === "hook") return "a channel rule (subscribe: hook) leaves it to a hook that is not configured";
  return `the token needs "${verb}":[${quoted(channel)}], or a channel rule must allow it`;
}

function quoted(channel: ChannelName): string {
  return JSON.stringify(channel);
}
