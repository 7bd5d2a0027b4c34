import { channelNameRuleFor, parseChannelName } from "../../protocol/channel-name.ts";
import { ServiceError } from "../../protocol/errors.ts";
import { userIdIn } from "../api/call.ts";
import type { ApiKeys } from "../auth/api-key.ts";
import { parsePattern, patternRule } from "../auth/grants.ts";
import { refuseRepeatedParameters } from "../lib/repeated-parameters.ts";
import { refuseUnknownNames } from "../lib/unknown-names.ts";
import { type TailEventKind, type TailFilter, tailEventKinds } from "../trace/tail-event.ts";
import type { Tails } from "../trace/tails.ts";
import { aboutTail } from "./docs/about-tail.ts";
import { locationOf } from "./location.ts";
import { keyHeaders } from "./ops-routes.ts";
import { checkEscapes } from "./path-spelling.ts";
import type { PlainRoute } from "./plain-route.ts";
import { commonHeaders } from "./respond.ts";
import { TailStream } from "./tail-stream.ts";

export interface TailParts {
  readonly tails: Pick<Tails, "open">;
  readonly keys: Pick<ApiKeys, "check">;
}

const headers = {
  "Content-Type": "text/event-stream; charset=utf-8",
  "Cache-Control": "no-store",
  // nginx would buffer the stream.
  "X-Accel-Buffering": "no",
  ...commonHeaders,
};

/** `GET /v1/tail`: the events of all workers, as an event stream. */
export function tailRoute({ tails, keys }: TailParts): PlainRoute {
  return {
    method: "GET",
    path: "/v1/tail",
    scope: "read",
    summary: "Watch what is published, connected and refused, as it happens.",
    about: aboutTail,
    answer: (request) => {
      keys.check(keyHeaders(request), "read");
      const { search, searchParams } = locationOf(request);
      checkEscapes("query", search);
      const filter = filterOf(searchParams);
      const stream = new TailStream((onBatch, onEnd) => tails.open(filter, onBatch, onEnd));
      return new Response(stream.body, { headers });
    },
  };
}

/** @throws ServiceError "bad-request" that names the parameter and its rule */
export function filterOf(query: URLSearchParams): TailFilter {
  refuseUnknownNames(query.keys(), ["channel", "user", "kind"], "parameter");
  refuseRepeatedParameters(query, ["channel", "user"]);
  const channel = query.get("channel") || undefined;
  const user = query.get("user") || undefined;
  if (user !== undefined) userIdIn("user", user);
  if (channel?.startsWith("@") && parseChannelName(channel) === undefined) {
    throw bad("channel", channelNameRuleFor(channel), channel);
  }
  if (channel !== undefined && !channel.startsWith("@") && parsePattern(channel) === undefined) {
    throw bad("channel", patternRule, channel);
  }
  const kinds = query.getAll("kind").flatMap((text) => text.split(","));
  for (const kind of kinds) if (!isKind(kind)) throw bad("kind", `one of ${tailEventKinds.join(", ")}`, kind);
  return {
    ...(channel === undefined ? {} : { channel }),
    ...(user === undefined ? {} : { user }),
    ...(kinds.length === 0 ? {} : { kinds: kinds.filter(isKind) }),
  };
}

function isKind(text: string): text is TailEventKind {
  return (tailEventKinds as readonly string[]).includes(text);
}

function bad(field: string, rule: string, got: string): ServiceError {
  return new ServiceError("bad-request", `${field}: expected ${rule}, got ${JSON.stringify(got.slice(0, 60))}`, {
    field,
  });
}
