import { ServiceError } from "../../protocol/errors.ts";
import type { ApiKeys, KeyHeaders } from "../auth/api-key.ts";
import { refuseUnknownNames } from "../lib/unknown-names.ts";
import { drainProgress } from "../ops/drain-progress.ts";
import { health, isReady, type OpsDependencies } from "../ops/health.ts";
import { Metrics } from "../ops/metrics.ts";
import {
  aboutDrain,
  aboutDrainProgress,
  aboutHealth,
  aboutLivez,
  aboutMetrics,
  aboutNodes,
  aboutReadyz,
  aboutReload,
  aboutUpgrade,
} from "./docs/about-ops.ts";
import { locationOf } from "./location.ts";
import type { PlainRoute } from "./plain-route.ts";
import { refuseBody } from "./refuse-body.ts";
import { answerHeaders, respondJson } from "./respond.ts";

const withoutSupervisor =
  "this server is one process, which cannot be replaced while it serves: start it with WORKERS=1 or more to reload it, or restart it";

export interface OpsParts {
  readonly ops: OpsDependencies;
  readonly metrics: Metrics;
  readonly keys: Pick<ApiKeys, "check" | "checkIfGiven">;
}

/** Health checks, metrics and draining, for load balancers, monitoring and operators. */
export function opsRoutes(parts: OpsParts): readonly PlainRoute[] {
  const routes: readonly PlainRoute[] = [
    {
      method: "GET",
      path: "/health",
      scope: "read",
      summary: "Get the health of the server.",
      about: aboutHealth,
      answer: (request) => answerHealth(request, parts),
    },
    {
      method: "GET",
      path: "/livez",
      summary: "Liveness check.",
      about: aboutLivez,
      answer: () => respondJson({ status: "alive" }),
    },
    {
      method: "GET",
      path: "/readyz",
      summary: "Readiness check: whether to send new clients to this server.",
      about: aboutReadyz,
      answer: () => answerReady(parts),
    },
    {
      method: "GET",
      path: "/metrics",
      scope: "read",
      summary: "Get metrics, as JSON or for Prometheus.",
      about: aboutMetrics,
      answer: (request) => answerMetrics(request, parts),
    },
    {
      method: "GET",
      path: "/v1/nodes",
      scope: "read",
      summary: "List the processes of this server with their metrics.",
      about: aboutNodes,
      answer: (request) => answerNodes(request, parts),
    },
    {
      method: "POST",
      path: "/v1/drain",
      scope: "admin",
      summary: "Shut the server down gracefully, as SIGTERM does.",
      about: aboutDrain,
      answer: (request) => answerDrain(request, parts),
    },
    {
      method: "GET",
      path: "/v1/drain",
      scope: "read",
      summary: "Get the progress of a shutdown or a reload.",
      about: aboutDrainProgress,
      answer: (request) => answerDrainProgress(request, parts),
    },
    {
      method: "POST",
      path: "/v1/reload",
      scope: "admin",
      summary: "Replace all workers by new ones, with the settings and the program now on disk.",
      about: aboutReload,
      answer: (request) => answerRoll(request, parts, "reload"),
    },
    {
      method: "POST",
      path: "/v1/upgrade",
      scope: "admin",
      summary: "Replace the supervisor and all workers, with the settings and the program now on disk.",
      about: aboutUpgrade,
      answer: (request) => answerRoll(request, parts, "upgrade"),
    },
  ];
  return routes.map(strict);
}

/** Rejects unknown parameters, but only on API paths: load balancers and monitoring add parameters of their own. */
function strict(route: PlainRoute): PlainRoute {
  if (!route.path.startsWith("/v1/")) return route;
  return {
    ...route,
    answer: (request) => {
      refuseUnknownNames(locationOf(request).searchParams.keys(), [], "parameter");
      return route.answer(request);
    },
  };
}

export function keyHeaders({ headers }: Request): KeyHeaders {
  return new RequestKeyHeaders(headers);
}

/** Reads a header only when it is asked for: a server without keys needs none of them. */
class RequestKeyHeaders implements KeyHeaders {
  readonly #headers: Headers;

  constructor(headers: Headers) {
    this.#headers = headers;
  }

  get authorization(): string | null {
    return this.#headers.get("Authorization");
  }

  get xApiKey(): string | null {
    return this.#headers.get("X-API-Key");
  }
}

function answerHealth(request: Request, { ops, keys }: OpsParts): Response {
  const report = health(ops);
  return respondJson(mayRead(keys, request) ? report : { status: report.status });
}

function answerReady({ ops }: OpsParts): Response {
  const ready = isReady(ops);
  return respondJson({ status: ready ? "ready" : "not ready" }, ready ? 200 : 503);
}

/** JSON, or the Prometheus text format if `Accept` says so. */
async function answerMetrics(request: Request, { keys, metrics }: OpsParts): Promise<Response> {
  keys.check(keyHeaders(request), "read");
  const accept = request.headers.get("Accept") ?? "";
  if (!/openmetrics-text|text\/plain/.test(accept)) return respondJson(await metrics.json());
  return new Response(await metrics.text(), { headers: answerHeaders(Metrics.textType) });
}

async function answerNodes(request: Request, { keys, metrics }: OpsParts): Promise<Response> {
  keys.check(keyHeaders(request), "read");
  return respondJson(await metrics.nodes());
}

async function answerDrain(request: Request, { keys, ops }: OpsParts): Promise<Response> {
  keys.check(keyHeaders(request), "admin");
  await refuseBody(request);
  ops.drain();
  return respondJson({ status: "draining" }, 202);
}

async function answerDrainProgress(request: Request, { keys, ops, metrics }: OpsParts): Promise<Response> {
  keys.check(keyHeaders(request), "read");
  const [values, roll] = await Promise.all([metrics.json(), ops.rolls?.status()]);
  return respondJson(drainProgress(values, ops, roll));
}

async function answerRoll(request: Request, { keys, ops }: OpsParts, verb: "reload" | "upgrade"): Promise<Response> {
  keys.check(keyHeaders(request), "admin");
  await refuseBody(request);
  if (ops.isDraining()) throw new ServiceError("draining", "the server is shutting down");
  if (ops.rolls === undefined) throw new ServiceError("bad-request", withoutSupervisor);
  const requested = await ops.rolls[verb]();
  if ("refusal" in requested) throw new ServiceError("bad-request", requested.refusal);
  return respondJson({ status: verb === "reload" ? "reloading" : "upgrading", roll: requested.number }, 202);
}

/** Whether the credentials of a request have the scope `read`. For answers that show less without it. */
export function mayRead(keys: Pick<ApiKeys, "check">, request: Request): boolean {
  try {
    keys.check(keyHeaders(request), "read");
    return true;
  } catch (error) {
    if (error instanceof ServiceError) return false;
    throw error;
  }
}
