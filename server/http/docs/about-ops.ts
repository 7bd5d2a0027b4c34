import { type About, type Answer, json } from "../../api/about/about.ts";
import { type JsonSchema, list, object, text, whole } from "../../api/about/json-schema.ts";

export const aboutLivez: About = {
  tag: "operations",
  details: "It depends on nothing but the process: a broker that is away is no reason to restart a server.",
  answers: { 200: status("It runs.", "alive") },
};

export const aboutReadyz: About = {
  tag: "operations",
  answers: {
    200: status("Send clients here.", "ready"),
    503: status("Not now: it is draining, or cut off from its broker.", "not ready"),
  },
};

const uptime = whole("Seconds since it started.");

export const aboutHealth: About = {
  tag: "operations",
  credential: "optional",
  details:
    "It answers 200 while the process lives, also while it drains. Without a key a secured server tells the status only.",
  answers: {
    200: {
      description: "It lives.",
      contents: json(
        object(
          { status: text("Whether it is stopping.", { enum: ["healthy", "draining"] }) },
          { connections: whole("Connections that are open now."), uptime: { const: "running" }, uptime_s: uptime },
        ),
        {
          full: { status: "healthy", connections: 3, uptime: "running", uptime_s: 4711 },
          withoutKey: { status: "healthy" },
        },
      ),
    },
  },
};

const metrics: JsonSchema = {
  ...object({
    service: { const: "fanfare" },
    status: text("As in /health.", { enum: ["healthy", "draining"] }),
    uptime_s: uptime,
    active_connections: whole("Connections that are open now."),
  }),
  additionalProperties: { type: "number", description: "Further figures; what ends in `_total` only ever grows." },
};

export const aboutMetrics: About = {
  tag: "operations",
  details: "JSON for people and programs; Prometheus' text for a scraper, which says so by `Accept: text/plain`.",
  answers: {
    200: {
      description: "The figures as they are now.",
      contents: {
        ...json(metrics, {
          some: {
            service: "fanfare",
            status: "healthy",
            uptime_s: 4711,
            active_connections: 3,
            publications_total: 42,
          },
        }),
        "text/plain": {
          schema: text("Prometheus' text format, version 0.0.4."),
          examples: { one: "# TYPE fanfare_active_connections gauge\nfanfare_active_connections 3\n" },
        },
      },
    },
  },
};

const node: JsonSchema = {
  ...object({
    id: text("Its name among the others, in this life."),
    name: text("Such as `worker 2`; `server` for a server of one process."),
    pid: whole("Its process."),
    status: text("Whether it is stopping.", { enum: ["healthy", "draining"] }),
    uptime_s: uptime,
  }),
  additionalProperties: { type: "number", description: "Its own figures, named as in /metrics." },
};

export const aboutNodes: About = {
  tag: "operations",
  answers: {
    200: {
      description: "One entry per process.",
      contents: json(object({ nodes: list("The processes.", node) }), {
        one: {
          nodes: [
            { id: "m_8fK2nQ", name: "worker 1", pid: 4711, status: "healthy", uptime_s: 60, active_connections: 3 },
          ],
        },
      }),
    },
  },
};

export const aboutDrain: About = {
  tag: "operations",
  details: "It answers at once; what follows takes as long as the clients take, up to SHUTDOWN_TIMEOUT.",
  answers: { 202: status("It has begun, now or before.", "draining") },
  errors: ["bad-json", "invalid-field", "bad-request", "too-large", "request-timeout"],
};

export const aboutOpenApi: About = {
  tag: "documents",
  answers: { 200: document("OpenAPI 3.1, as this server is set up.") },
};

export const aboutAsyncApi: About = {
  tag: "documents",
  answers: { 200: document("AsyncAPI 3.0, as this server is set up.") },
};

export const aboutDocs: About = {
  tag: "documents",
  answers: {
    200: { description: "A page of plain HTML.", contents: { "text/html": { schema: { type: "string" } } } },
  },
};

function status(description: string, word: string): Answer {
  return { description, contents: json(object({ status: { const: word } }), { answer: { status: word } }) };
}

function document(description: string): Answer {
  return { description, contents: { "application/json": { schema: { type: "object" } } } };
}
