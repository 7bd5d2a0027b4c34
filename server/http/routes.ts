import { Hono } from "hono";
import type { ApiDependencies, Call } from "../api/call.ts";
import { type Endpoint, endpoints, pushEndpoints } from "../api/endpoints.ts";
import { refuseUnknownNames } from "../lib/unknown-names.ts";
import { readBody } from "./body.ts";
import { authenticate } from "./credentials.ts";
import { Docs, type DocsSettings } from "./docs/docs.ts";
import { locationOf } from "./location.ts";
import { keyHeaders, type OpsParts, opsRoutes } from "./ops-routes.ts";
import { Page, type PageSettings } from "./page.ts";
import { respond } from "./respond.ts";
import { answerUnknown, answerWrongMethod } from "./wrong-method.ts";

/** The settings of the routes. */
export interface RouteSettings extends PageSettings, DocsSettings {
  readonly sseBatchPath: string;
  /** Bytes. */
  readonly maxBodyBytes: number;
}

/** What the routes use. */
export interface RouteParts extends OpsParts {
  readonly api: ApiDependencies;
}

/** Handles a request that passed the Origin and Host checks. Throws a ServiceError for an error response. */
export type Handle = (request: Request) => Response | Promise<Response>;

/** The three routes for publishing. The runtime matches them itself, which is a third faster than the router below. */
export function pushRoutes(settings: RouteSettings, parts: RouteParts): Readonly<Record<string, Handle>> {
  const post =
    (endpoint: Endpoint): Handle =>
    (request) => {
      if (request.method !== "POST") {
        return answerWrongMethod(locationOf(request).pathname, request.method, ["POST"]);
      }
      return perform(request, {}, endpoint, settings, parts);
    };
  const publish = endpoints.filter(({ path }) => path === "/v1/publish");
  return Object.fromEntries([...pushEndpoints(settings), ...publish].map((it) => [it.path, post(it)]));
}

/** All other routes. */
export function otherRoutes(settings: RouteSettings, parts: RouteParts): Handle {
  const app = new Hono();
  const page = new Page(settings);
  const ops = opsRoutes(parts);
  const docs = new Docs([...pushEndpoints(settings), ...endpoints, ...ops], settings);
  app.onError((error) => {
    throw error; // handled by respondError
  });
  for (const endpoint of endpoints) {
    const path = endpoint.path.replaceAll(/\{(\w+)\}/g, ":$1");
    app.on(endpoint.method, path, (context) =>
      perform(context.req.raw, context.req.param(), endpoint, settings, parts),
    );
  }
  for (const { method, path, answer } of [...ops, ...docs.routes]) app.on(method, path, ({ req }) => answer(req.raw));
  for (const path of ["/", "/page/*"]) app.get(path, ({ req }) => page.answer(req.raw));
  app.notFound((context) => answerUnknown(docs.operations, context.req.path, context.req.method));
  return (request) => app.fetch(request);
}

async function perform(
  request: Request,
  params: Readonly<Record<string, string>>,
  endpoint: Pick<Endpoint, "verb" | "scope" | "forClients" | "warnsOfUnknown" | "about">,
  settings: RouteSettings,
  parts: RouteParts,
): Promise<Response> {
  const { keys, api } = parts;
  const authenticated = authenticate(keyHeaders(request), endpoint, {
    keys,
    access: api.access,
    budgets: api.hub.budgets,
  });
  const { identity, account } = authenticated instanceof Promise ? await authenticated : authenticated;
  const { searchParams: query } = locationOf(request);
  if (!endpoint.warnsOfUnknown) refuseUnknownNames(query.keys(), parametersOf(endpoint), "parameter");
  account.charge("messages");
  const hasBody = endpoint.about.request !== undefined;
  const close = account.openRequest(hasBody ? bodyBytesOf(request, settings.maxBodyBytes) : 0);
  try {
    const call: Call = {
      identity,
      account,
      params,
      query,
      body: hasBody ? await readBody(request, settings.maxBodyBytes) : "",
      contentType: request.headers.get("Content-Type") ?? "",
      idempotencyKey: request.headers.get("Idempotency-Key") ?? undefined,
    };
    return respond(await endpoint.verb(api, call));
  } finally {
    close();
  }
}

/** How long the body is or, if the client does not say, may become. */
function bodyBytesOf(request: Request, maxBytes: number): number {
  const declared = request.headers.get("Content-Length");
  if (declared === null) return request.body === null ? 0 : maxBytes;
  return Math.min(Number(declared), maxBytes);
}

function parametersOf({ about }: Pick<Endpoint, "about">): readonly string[] {
  return (about.parameters ?? []).filter((it) => it.in === "query").map(({ name }) => name);
}
