import { type ChannelName, everyone, parseUserId, userIdRuleFor } from "../../protocol/channel-name.ts";
import { ServiceError } from "../../protocol/errors.ts";
import { andThen } from "../lib/and-then.ts";
import type { Application } from "./application.ts";
import { noGrants } from "./grants.ts";
import { anonymous, type Identity } from "./identity.ts";
import { type Basis, type Decision, Rights, type RightsSettings } from "./rights.ts";
import type { TokenVerifier } from "./token.ts";

/** The settings that decide on access, with defaults filled in. */
export interface AccessSettings extends RightsSettings {
  /** Only for display; no permission depends on it. */
  readonly insecure: boolean;
  readonly anonymous: boolean;
  readonly trustUserId: boolean;
  /** Undefined if neither `JWT_*` nor `JWKS_URL` is configured. */
  readonly verifier: TokenVerifier | undefined;
  /** A sentence for the client if its user or its token is blocked. */
  readonly whyBlocked?: ((identity: Identity) => string | undefined) | undefined;
  /** Undefined if no hook is configured. */
  readonly application?: Application | undefined;
}

/**
 * Decides which user a connection belongs to and what it may do. Implements the permission table of docs/auth.md. Stateless.
 * Throws ServiceErrors: "unauthorized" if a token or a user would help, otherwise "forbidden".
 */
export class Access {
  /** The rules of the channels. */
  readonly rights: Rights;
  readonly #settings: AccessSettings;

  constructor(settings: AccessSettings) {
    this.#settings = settings;
    this.rights = new Rights(settings);
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

  /** Whether any credential is configured. */
  get isSecured(): boolean {
    return this.#settings.isSecured;
  }

  /** Whether clients may connect without a token: as a user that they name, or without one. */
  admits(userId: string | undefined): boolean {
    return userId === undefined ? this.#settings.anonymous : this.#settings.trustUserId;
  }

  /** The identity in a token, even of a user that is blocked. @throws ServiceError, as a rejection */
  async verify(token: string): Promise<Identity> {
    const { verifier } = this.#settings;
    if (verifier !== undefined) return verifier.verify(token);
    const message =
      "this server does not accept tokens: connect without one, or configure JWT_SECRET, JWT_PUBLIC_KEY or JWKS_URL";
    throw new ServiceError("unauthorized", message);
  }

  /**
   * A sentence for the client if it is blocked. `identify` checks this too. Callers check it again when some time has
   * passed since.
   */
  whyBlocked(identity: Identity): string | undefined {
    return this.#settings.whyBlocked?.(identity);
  }

  /** Whether `checkConnect` asks the application. */
  get asksToConnect(): boolean {
    return this.#settings.application?.decidesOnConnections === true;
  }

  /**
   * Checks that the application allows a new connection. Synchronous unless the application must be asked.
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
    const { granted, basis } = this.rights.subscribe(identity, channel);
    if (granted) return undefined;
    const { application } = this.#settings;
    if (isHook(basis) && application !== undefined) return application.maySubscribe(identity, channel);
    throw refusalOf(basis, identity, channel, "subscribe to");
  }

  /** The same as a decision, with the answer of the application if it must be asked. */
  async decideSubscribe(identity: Identity, channel: ChannelName): Promise<Decision> {
    const decision = this.rights.subscribe(identity, channel);
    if (decision.granted || !isHook(decision.basis)) return decision;
    try {
      await this.checkSubscribe(identity, channel);
      return { granted: true, basis: { by: "hook", answer: "the application allows it" } };
    } catch (error) {
      if (error instanceof ServiceError) return { granted: false, basis: { by: "hook", answer: error.message } };
      throw error;
    }
  }

  /**
   * The part of a channel's presence that a client may see: the users, or only the number of connections.
   * @param identity undefined for an API key, which sees the users unless presence is off
   * @throws ServiceError if it may see neither, synchronously or as a rejection
   */
  checkPresence(identity: Identity | undefined, channel: ChannelName): PresenceView | Promise<PresenceView> {
    const checked = identity === undefined ? undefined : this.checkSubscribe(identity, channel);
    return andThen(checked, () => this.#presenceView(identity, channel));
  }

  #presenceView(identity: Identity | undefined, channel: ChannelName): PresenceView {
    const isOff = this.#settings.rulesOf(channel).presence === "off";
    const sees = identity === undefined || isOff ? "users" : this.rights.presence(identity, channel).sees;
    if (!isOff && sees !== "nothing") return sees;
    throw new ServiceError("forbidden", `presence is off in ${quoted(channel)} (channel rule presence: off)`);
  }

  /** Checks that a client may publish to the channel. For `all`, `checkChat` decides. @throws ServiceError if not */
  checkPublish(identity: Identity, channel: ChannelName): void {
    const { granted, basis } = this.rights.publish(identity, channel);
    if (!granted) throw refusalOf(basis, identity, channel, "publish to");
  }

  /** Checks that a client may publish to `all`. @throws ServiceError if not */
  checkChat(identity: Identity): void {
    this.checkPublish(identity, everyone);
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
    const identity = await this.verify(token);
    this.#checkBlocked(identity);
    if (userId === undefined || userId === identity.userId) return identity;
    throw new ServiceError("forbidden", "user_id differs from the token's user (its `sub`): omit user_id");
  }

  #byUserId(text: string): Identity {
    const userId = parseUserId(text);
    if (userId === undefined) {
      throw new ServiceError("bad-request", `user_id: expected ${userIdRuleFor(text)}`, { field: "user_id" });
    }
    if (this.admits(userId)) {
      const identity = { userId, grants: noGrants, expiresAtMs: undefined };
      this.#checkBlocked(identity);
      return identity;
    }
    const message = `this server does not accept user_id without a token: use a token whose \`sub\` is the user, or set TRUST_USER_ID=on`;
    throw new ServiceError("unauthorized", message);
  }

  #withoutUser(): Identity {
    if (this.admits(undefined)) return anonymous;
    const message = "this server requires a token: pass it as ?token=, as Authorization: Bearer, or as the subprotocol";
    throw new ServiceError("unauthorized", `${message} fanfare.token.<jwt>`);
  }
}

/** The users of a channel, or only the number of its connections. */
type PresenceView = "users" | "count";

/** Whether a rule leaves the decision to the application. */
function isHook(basis: Basis): boolean {
  return basis.by === "rule" && basis.access === "hook";
}

type Action = "subscribe to" | "publish to";

/** The error for a client that lacks a right. A client without a user can retry with a token; a client with one cannot. */
function refusalOf(basis: Basis, identity: Identity, channel: ChannelName, action: Action): ServiceError {
  const code = identity.userId === undefined ? "unauthorized" : "forbidden";
  if (basis.by === "chat") {
    return new ServiceError(code, `chat is off: set CHAT=on, or use a token with "publish":["all"]`);
  }
  if (basis.by === "rule") {
    return new ServiceError(code, `not allowed to ${action} ${quoted(channel)}: ${hintFor(basis, channel)}`);
  }
  return new ServiceError("forbidden", `${quoted(channel)} ${whyNever(basis, action)}`);
}

/** Why no token and no rule can allow it. */
function whyNever({ by }: Basis, action: Action): string {
  if (by === "reserved") return "cannot be used by clients: names that begin with # or $ are reserved for the server";
  if (action === "publish to") return "is a user's channel: clients cannot publish to it; push to the user over HTTP";
  return "is another user's channel: only that user's connections can subscribe to it";
}

function hintFor({ field, access }: Extract<Basis, { by: "rule" }>, channel: ChannelName): string {
  if (access === "nobody") return `a channel rule (${field}: nobody) forbids it for all clients`;
  if (access === "authenticated") return "it requires a user";
  if (access === "hook") return "a channel rule (subscribe: hook) leaves it to a hook that is not configured";
  return `the token needs "${field}":[${quoted(channel)}], or a channel rule must allow it`;
}

function quoted(channel: ChannelName): string {
  return JSON.stringify(channel);
}
