import {
  type ChannelName,
  channelNameRuleFor,
  parseChannelName,
  parseUserId,
  userIdRuleFor,
} from "../../protocol/channel-name.ts";
import { isoTime, present } from "../../protocol/codec.ts";
import { isRetryable, ServiceError } from "../../protocol/errors.ts";
import * as fields from "../../protocol/fields.ts";
import type { Access } from "../auth/access.ts";
import { noGrants } from "../auth/grants.ts";
import type { Identity } from "../auth/identity.ts";
import { userTokenHeader } from "./about/explain.ts";
import { type ApiDependencies, type Call, ok, type Reply } from "./call.ts";
import { type Explanation, explanationOf } from "./explanation.ts";

/** `GET /v1/explain?user=&channel=`: what a client may do in a channel, and which rule decides about each right. */
export async function explain({ access, ruleFor }: ApiDependencies, call: Call): Promise<Reply> {
  const channel = channelOf(call.query);
  const identity = await identityOf(call, access);
  const { rights, isSecured } = access;
  const facts = { channel, identity, rule: ruleFor(channel), isSecured };
  const decision = await access.decideSubscribe(identity, channel);
  const subscribe = explanationOf("subscribe", decision, facts);
  const presence = decision.granted ? rights.presence(identity, channel) : ({ ...decision, sees: "nothing" } as const);
  return ok({
    channel,
    ...present({ user: identity.userId }),
    mode: isSecured ? "secured" : "open",
    rights: {
      connect: explainConnect(access, identity),
      subscribe,
      publish: explanationOf("publish", rights.publish(identity, channel), facts),
      history: subscribe,
      presence: { ...explanationOf("presence", presence, facts), sees: presence.sees },
    },
  });
}

/** The application is not asked, because its answer may depend on the address of the client. */
function explainConnect(access: Access, identity: Identity): Explanation {
  const explanation = explainAdmission(access, identity);
  if (!explanation.granted || !access.asksToConnect) return explanation;
  const because = `${explanation.because}; the connect hook is asked when the client connects, and may refuse it`;
  return { ...explanation, because };
}

function explainAdmission(access: Access, identity: Identity): Explanation {
  const blocked = access.whyBlocked(identity);
  if (blocked !== undefined) return { granted: false, source: "block", place: "GET /v1/blocks", because: blocked };
  const { userId, token, expiresAtMs } = identity;
  if (token !== undefined) {
    const until = expiresAtMs === undefined ? "and does not expire" : `until ${isoTime(expiresAtMs)}`;
    return { granted: true, source: "token", because: `the token is valid ${until}` };
  }
  const name = userId === undefined ? "ANONYMOUS" : "TRUST_USER_ID";
  const granted = access.admits(userId);
  const rule = `${name}=${granted ? "on" : "off"}`;
  const because = granted ? "the server asks for no token" : "a token is required";
  return { granted, source: "setting", rule, place: `the setting ${name}`, because };
}

/** The client to judge: the user of the token, or a user without one. @throws ServiceError "invalid-field" */
async function identityOf({ query, headers }: Call, access: Access): Promise<Identity> {
  const user = query.get("user") || undefined;
  const userId = parseUserId(user);
  if (user !== undefined && userId === undefined) throw invalid("user", `user: expected ${userIdRuleFor(user)}`);
  const token = headers.get(userTokenHeader);
  if (token === null || token === "") return { userId, grants: noGrants, expiresAtMs: undefined };
  const identity = await verified(token, access);
  if (userId === undefined || userId === identity.userId) return identity;
  throw invalid("user", "user: expected the user of the token (its `sub`), or none");
}

async function verified(token: string, access: Access): Promise<Identity> {
  try {
    return await access.verify(token);
  } catch (error) {
    // Not the caller's own credential: 401 would make it look for another key.
    if (error instanceof ServiceError && !isRetryable(error.code)) {
      throw invalid(userTokenHeader, `${userTokenHeader}: ${error.message}`);
    }
    throw error;
  }
}

/** @throws ServiceError "invalid-field" */
function channelOf(query: URLSearchParams): ChannelName {
  const text = query.get("channel") ?? undefined;
  const channel = parseChannelName(text);
  if (channel === undefined) throw fields.invalid("channel", channelNameRuleFor(text ?? ""), text);
  return channel;
}

function invalid(field: string, message: string): ServiceError {
  return new ServiceError("invalid-field", message, { field });
}
