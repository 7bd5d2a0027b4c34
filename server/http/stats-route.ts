import { ServiceError } from "../../protocol/errors.ts";
import type { ApiKeys } from "../auth/api-key.ts";
import type { Peers } from "../cluster/peers.ts";
import type { TopChannels } from "../hub/top-channels.ts";
import { refuseRepeatedParameters } from "../lib/repeated-parameters.ts";
import { refuseUnknownNames } from "../lib/unknown-names.ts";
import { readStats } from "../ops/stats.ts";
import { aboutStats } from "./docs/about-stats.ts";
import { locationOf } from "./location.ts";
import { keyHeaders } from "./ops-routes.ts";
import type { PlainRoute } from "./plain-route.ts";
import { respondJson } from "./respond.ts";

export interface StatsParts {
  readonly topChannels: Pick<TopChannels, "read">;
  readonly ops: { readonly peers: Peers };
  readonly keys: Pick<ApiKeys, "check">;
}

/** `GET /v1/stats`: the last hour of all processes, and the busiest channels. */
export function statsRoute({ topChannels, ops, keys }: StatsParts): PlainRoute {
  return {
    method: "GET",
    path: "/v1/stats",
    scope: "read",
    summary: "Get the figures of the last hour, per process, and the busiest channels.",
    about: aboutStats,
    answer: async (request) => {
      keys.check(keyHeaders(request), "read");
      const after = afterOf(locationOf(request).searchParams);
      const [stats, channels] = await Promise.all([readStats(ops.peers, after), topChannels.read()]);
      return respondJson({ ...stats, channels });
    },
  };
}

/** @throws ServiceError "bad-request" */
function afterOf(query: URLSearchParams): number {
  refuseUnknownNames(query.keys(), ["after"], "parameter");
  refuseRepeatedParameters(query, ["after"]);
  const text = query.get("after") || "0";
  if (/^\d{1,12}$/.test(text)) return Number(text);
  const got = JSON.stringify(text.slice(0, 60));
  throw new ServiceError("bad-request", `after: expected Unix time in whole seconds, got ${got}`, { field: "after" });
}
