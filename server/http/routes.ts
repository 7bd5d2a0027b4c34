import { Hono } from "hono";
import type { ApiDependencies, Reply } from "../api/call.ts";
import type { Endpoint } from "../api/endpoint.ts";
import { endpoints, pushEndpoints } from "../api/endpoints.ts";
import { andFinally } from "../lib/and-then.ts";
import { refuseRepeatedParameters } from "../lib/repeated-parameters.ts";
import { refuseUnknownNames } from "../lib/unknown-names.ts";
import type { Tracing } from "../telemetry/tracing.ts";
import { AdminPage, type AdminPageSettings } from "./admin-page.ts";
import { useBody } from "./body.ts";
import { ClientScript } from "./client-script.ts";
import { authenticate, type Caller } from "./credentials.ts";
import { Docs, type DocsSettings } from "./docs/docs.ts";
import { HttpCall } from "./http-call.ts";
import { locationOf, Queries } from "./location.ts";
import { type OpsParts, opsRoutes } from "./ops-routes.ts";
import { Page, type PageSettings } from "./page.ts";
import { refuseBody } from "./refuse-body.ts";
import type { RefusedRequests } from "./refused-requests.ts";
import type { SocketAddresses } from "./request-peers.ts";
import { jsonInit, WrongMethod } from "./respond.ts";
import type { SessionCookies } from "./session-cookie.ts";
import { sessionRoutes } from "./session-routes.ts";
import { type StatsParts, statsRoute } from "./stats-route.ts";
import { type TailParts, tailRoute } from "./tail-route.ts";
import type { TextResponses } from "./text-responses.ts";
import { tracedVerb } from "./traced-verb.ts";
import { refuseUnknown } from "./wrong-method.ts";

/** The settings of the routes. */
export interface RouteSettings extends PageSettings, AdminPageSettings, DocsSettings {
  readonly sseBatchPath: string;
  /** Bytes. */
  readonly maxBodyBytes: number;
}

/** Dependencies of the routes. */
export interface RouteParts extends OpsParts, TailParts, StatsParts {
  readonly ops: OpsParts["ops"];
  readonly keys: OpsParts["keys"];
  readonly api: ApiDependencies;
  readonly responses: TextResponses;
  readonly cookies: SessionCookies;
  /** Undefined if nothing is traced. */
  readonly tracing?: Pick<Tracing, "request"> | undefined;
  readonly refused: Pick<RefusedRequests, "recordParts">;
}

/** Handles a request that passed the Origin and Host checks. Throws a ServiceError for an error response. */
export type Handle = (request: Request, server: SocketAddresses) => Response | Promise<Response>;

/** The three routes for publishing. The runtime matches them itself, which is a third faster than the router below. */
export function pushRoutes(settings: RouteSettings, parts: RouteParts): Readonly<Record<string, Handle>> {
  const post = (endpoint: Endpoint): Handle => {
    const perform = performer(endpoint, settings, parts);
    return (request, server) => {
      if (request.method !== "POST") {
        throw new WrongMethod(locationOf(request).pathname, request.method, ["POST"]);
      }
      return perform(request, server, noParams);
    };
  };
  const publish = endpoints.filter(({ path }) => path === "/v1/publish");
  return Object.fromEntries([...pushEndpoints(settings), ...publish].map((it) => [it.path, post(it)]));
}

/** All other routes. */
export function otherRoutes(settings: RouteSettings, parts: RouteParts): Handle {
  const app = new Hono<{ Bindings: SocketAddresses }>();
  const page = new Page(settings, parts.responses);
  const adminPage = new AdminPage(settings, parts.responses);
  const clientScript = new ClientScript(parts.responses);
  const ops = opsRoutes(parts);
  const { access, hub, clock } = parts.api;
  const session = sessionRoutes({ access, budgets: hub.budgets, cookies: parts.cookies, clock });
  const plain = [...session, ...ops, statsRoute(parts), tailRoute(parts)];
  const documented = [...pushEndpoints(settings), ...endpoints, ...plain];
  const docs = new Docs(documented, settings, parts.responses);
  app.onError((error) => {
    throw error; // handled by respondError
  });
  for (const endpoint of endpoints) {
    const path = endpoint.path.replaceAll(/\{(\w+)\}/g, ":$1");
    const perform = performer(endpoint, settings, parts);
    app.on(endpoint.method, path, (context) => perform(context.req.raw, context.env, context.req.param()));
  }
  for (const { method, path, answer } of [...plain, ...docs.routes]) app.on(method, path, ({ req }) => answer(req.raw));
  for (const path of ["/", "/page/*"]) app.get(path, ({ req }) => page.answer(req.raw));
  for (const path of ["/admin", "/admin/*"]) app.get(path, ({ req }) => adminPage.answer(req.raw));
  app.get("/:file{client(\\.[0-9a-f]+)?\\.js}", ({ req }) => clientScript.answer(req.raw));
  app.notFound((context) => refuseUnknown(docs.operations, context.req.path, context.req.method));
  return (request, server) => app.fetch(request, server);
}

type Params = Readonly<Record<string, string>>;

const noParams: Params = {};

/** Makes the function that answers requests to one endpoint: checks the credentials, reads the request and calls the verb. */
function performer(
  endpoint: Endpoint,
  settings: RouteSettings,
  { api, keys, responses, cookies, tracing, refused }: RouteParts,
): (request: Request, server: SocketAddresses, params: Params) => Response | Promise<Response> {
  const { warnsOfUnknown = false, about } = endpoint;
  const verb = tracedVerb(endpoint, tracing);
  const authenticators = { keys, access: api.access, budgets: api.hub.budgets, cookies };
  const parameters = (about.parameters ?? []).filter((it) => it.in === "query").map(({ name }) => name);
  const hasBody = about.request !== undefined;
  const queries = new Queries();
  return (request, server, params) => {
    const caller = authenticate(request, endpoint, authenticators);
    return caller instanceof Promise
      ? admitLater(caller, request, server, params)
      : admit(caller, request, server, params);
  };

  async function admitLater(caller: Promise<Caller>, request: Request, server: SocketAddresses, params: Params) {
    return admit(await caller, request, server, params);
  }

  function admit({ identity, account }: Caller, request: Request, server: SocketAddresses, params: Params) {
    const query = queries.of(request);
    if (!warnsOfUnknown) refuseUnknownNames(query.keys(), parameters, "parameter");
    refuseRepeatedParameters(query, parameters);
    account.charge("messages");
    const call = new HttpCall(request, server, { identity, account, params, query, keys, perform });
    return account.isLimited ? startCounted(call) : start(call);
  }

  function startCounted(call: HttpCall): Response | Promise<Response> {
    const end = call.account.openRequest(hasBody ? bodyBytesOf(call.request, settings.maxBodyBytes) : 0);
    return andFinally(() => start(call), end);
  }

  function start(call: HttpCall): Response | Promise<Response> {
    if (hasBody) return useBody(call.request, settings.maxBodyBytes, call);
    const refusing = refuseBody(call.request);
    return refusing === undefined ? perform(call) : refusing.then(() => perform(call));
  }

  function perform(call: HttpCall): Response | Promise<Response> {
    const reply = verb(api, call);
    return reply instanceof Promise ? respondLater(call, reply) : respond(call, reply);
  }

  async function respondLater(call: HttpCall, reply: Promise<Reply>): Promise<Response> {
    return respond(call, await reply);
  }

  function respond({ request, server }: HttpCall, { status, body, refusals }: Reply): Response {
    if (refusals !== undefined) refused.recordParts(request, server, refusals);
    return responses.make(body, jsonInit(status));
  }
}

/** How long the body is or, if the client does not say, may become. */
function bodyBytesOf(request: Request, maxBytes: number): number {
  const declared = request.headers.get("Content-Length");
  if (declared === null) return request.body === null ? 0 : maxBytes;
  return Math.min(Number(declared), maxBytes);
}
