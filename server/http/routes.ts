import { Hono } from "hono";
import { ServiceError } from "../../protocol/errors.ts";
import type { ApiDoors, Call, Verb } from "../api/call.ts";
import { type Endpoint, endpoints } from "../api/endpoints.ts";
import { push, pushBatch } from "../api/push.ts";
import type { ApiKeys, KeyHeaders, Scope } from "../auth/api-key.ts";
import { health, isReady, type OpsDoors } from "../ops/health.ts";
import type { Metrics } from "../ops/metrics.ts";
import { readBody } from "./body.ts";
import { respond, respondJson } from "./respond.ts";
import { answerUnknown, answerWrongMethod } from "./wrong-method.ts";

/** Where pushing stands and how much may come in. */
export interface RouteSettings {
  readonly ssePath: string;
  readonly sseBatchPath: string;
  /** Bytes. */
  readonly maxBodyBytes: number;
}

/** What the routes lead to. */
export interface RouteParts {
  readonly api: ApiDoors;
  readonly ops: OpsDoors;
  readonly metrics: Metrics;
  readonly keys: ApiKeys;
}

/** Answers a request that passed the border; refusals are thrown. */
export type Handle = (request: Request) => Response | Promise<Response>;

/** The three doors that messages come in by: they are matched by the runtime itself, a third faster than below. */
export function pushRoutes(settings: RouteSettings, parts: RouteParts): Readonly<Record<string, Handle>> {
  const post =
    (verb: Verb): Handle =>
    (request) => {
      if (request.method !== "POST") {
        return answerWrongMethod(new URL(request.url).pathname, request.method, ["POST"]);
      }
      return perform(request, {}, { verb, scope: "publish" }, settings, parts);
    };
  const publish = endpoints.find(({ path }) => path === "/v1/publish");
  return {
    [settings.ssePath]: post(push),
    [settings.sseBatchPath]: post(pushBatch),
    ...(publish === undefined ? {} : { [publish.path]: post(publish.verb) }),
  };
}

/** Everything else. */
export function otherRoutes(settings: RouteSettings, parts: RouteParts): Handle {
  const app = new Hono();
  app.onError((error) => {
    throw error; // answered where all failures are
  });
  app.get("/livez", () => respondJson({ status: "alive" }));
  app.get("/readyz", () => {
    const ready = isReady(parts.ops);
    return respondJson({ status: ready ? "ready" : "not ready" }, ready ? 200 : 503);
  });
  app.get("/health", ({ req }) => {
    const report = health(parts.ops, Date.now());
    return respondJson(mayRead(parts.keys, req.raw) ? report : { status: report.status });
  });
  app.get("/metrics", ({ req }) => answerMetrics(req.raw, parts));
  for (const endpoint of endpoints) {
    const path = endpoint.path.replaceAll(/\{(\w+)\}/g, ":$1");
    app.on(endpoint.method, path, (context) =>
      perform(context.req.raw, context.req.param(), endpoint, settings, parts),
    );
  }
  app.notFound((context) => answerUnknown(context.req.path, context.req.method));
  return (request) => app.fetch(request);
}

async function perform(
  request: Request,
  params: Readonly<Record<string, string>>,
  { verb, scope }: Pick<Endpoint, "verb" | "scope">,
  settings: RouteSettings,
  parts: RouteParts,
): Promise<Response> {
  parts.keys.check(keyHeaders(request), scope);
  const call: Call = {
    params,
    query: new URL(request.url).searchParams,
    body: request.method === "GET" ? "" : await readBody(request, settings.maxBodyBytes),
    contentType: request.headers.get("Content-Type") ?? "",
    idempotencyKey: request.headers.get("Idempotency-Key") ?? undefined,
  };
  return respond(await verb(parts.api, call));
}

/** JSON for people and programs; Prometheus' text for a scraper, which says so in `Accept`. */
async function answerMetrics(request: Request, { keys, metrics }: RouteParts): Promise<Response> {
  keys.check(keyHeaders(request), "read");
  const accept = request.headers.get("Accept") ?? "";
  if (!/openmetrics-text|text\/plain/.test(accept)) return respondJson(metrics.json(Date.now()));
  return new Response(await metrics.text(), { headers: { "Content-Type": metrics.contentType } });
}

function mayRead(keys: ApiKeys, request: Request): boolean {
  try {
    keys.check(keyHeaders(request), "read" satisfies Scope);
    return true;
  } catch (error) {
    if (error instanceof ServiceError) return false;
    throw error;
  }
}

function keyHeaders(request: Request): KeyHeaders {
  return { authorization: request.headers.get("Authorization"), xApiKey: request.headers.get("X-API-Key") };
}
