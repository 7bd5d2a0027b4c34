import { type About, type Answer, json } from "../../api/about/about.ts";
import { type JsonSchema, list, object, text, whole } from "../../api/about/json-schema.ts";
import { drainPhases } from "../../hub/drain.ts";

/** The progress of a roll, or how it ended. */
const rollStep = {
  number: whole("Counted from 1 since the start of the server."),
  phase: text("The progress of the reload or upgrade, or how it ended.", {
    enum: ["starting", "moving", "done", "failed"],
  }),
  message: text("One sentence about it, such as why it failed."),
};

export const aboutLivez: About = {
  tag: "operations",
  details: "Checks only the process itself: an unavailable broker is no reason to restart a server.",
  answers: { 200: status("The process is running.", "alive") },
};

export const aboutReadyz: About = {
  tag: "operations",
  answers: {
    200: status("The server accepts clients.", "ready"),
    503: status("The server is starting, draining, or not connected to its broker.", "not ready"),
  },
};

const uptime = whole("Seconds since it started.");

export const aboutHealth: About = {
  tag: "operations",
  credential: "optional",
  details:
    "Responds with 200 while the process is running, even while it drains. Without a key, a secured server returns only the status.",
  answers: {
    200: {
      description: "The process is running.",
      contents: json(
        object(
          { status: text("Whether the server is draining.", { enum: ["healthy", "draining"] }) },
          { connections: whole("Open connections."), uptime: { const: "running" }, uptime_s: uptime },
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
    active_connections: whole("Open connections."),
  }),
  additionalProperties: { type: "number", description: "More metrics. Names that end in `_total` are counters." },
};

export const aboutMetrics: About = {
  tag: "operations",
  details: "Returns JSON, or the Prometheus text format if the request has `Accept: text/plain`.",
  answers: {
    200: {
      description: "The current metrics.",
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
          schema: text("The Prometheus text format, version 0.0.4."),
          examples: { one: "# TYPE fanfare_active_connections gauge\nfanfare_active_connections 3\n" },
        },
      },
    },
  },
};

const node: JsonSchema = {
  ...object(
    {
      id: text("The id of the process. It changes with each restart."),
      name: text("Such as `worker 2`, or `server` for a server of one process."),
      pid: whole("The operating system's process id."),
      status: text("Whether it is draining.", { enum: ["healthy", "draining"] }),
      uptime_s: uptime,
    },
    { node: text("The machine, if there are several.") },
  ),
  additionalProperties: { type: "number", description: "The metrics of the process, named as in /metrics." },
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
  details: "Responds at once. Draining takes until all clients have left, at most SHUTDOWN_TIMEOUT.",
  answers: { 202: status("The server is draining.", "draining") },
};

export const aboutDrainProgress: About = {
  tag: "operations",
  details:
    "While a reload moves clients to new workers, the status is `running`: the server accepts clients. Only the old workers count as remaining. With Redis, `status` and `roll` are those of the node that was asked, and the figures are sums over all nodes; /v1/nodes has them per process.",
  answers: {
    200: {
      description: "The current progress, over all workers and nodes.",
      contents: json(
        object(
          {
            status: text("Whether the server is shutting down.", { enum: ["running", "draining"] }),
            phase: text("The phase of the worker that has progressed furthest.", { enum: [...drainPhases] }),
            remaining: whole("Open connections of workers that are draining."),
            closed: object({
              left: whole("Connections that their clients closed."),
              moved: whole("Connections closed at their reconnect time."),
              forced: whole("Connections closed at the deadline."),
            }),
            unflushed_bytes: whole("Bytes that clients had not read when their connections were closed."),
            deadline_s: whole("Seconds until the remaining connections are closed."),
          },
          {
            roll: object(rollStep, {
              previous: object(rollStep),
            }),
          },
        ),
        {
          reloading: {
            status: "running",
            phase: "waiting",
            remaining: 12,
            closed: { left: 0, moved: 30, forced: 0 },
            unflushed_bytes: 0,
            deadline_s: 1795,
            roll: { number: 1, phase: "moving", message: "moving the clients of the old workers within 10 s" },
          },
          draining: {
            status: "draining",
            phase: "waiting",
            remaining: 12,
            closed: { left: 30, moved: 0, forced: 0 },
            unflushed_bytes: 0,
            deadline_s: 1795,
          },
        },
      ),
    },
  },
};

export const aboutReload: About = {
  tag: "operations",
  details:
    "Responds at once; `GET /v1/drain` has the progress. New workers start and are ready before the old ones close the port and move their clients. A reload that cannot start new workers changes nothing. Needs WORKERS.",
  answers: {
    202: {
      description: "The reload has begun, or waits for the current one.",
      contents: json(object({ status: { const: "reloading" }, roll: whole("The number of this reload.") }), {
        answer: { status: "reloading", roll: 1 },
      }),
    },
  },
  errors: ["bad-request", "draining"],
};

export const aboutUpgrade: About = {
  tag: "operations",
  details:
    "Responds at once; `GET /v1/drain` has the progress, except while the supervisor is replaced. The process keeps its id, and publishers wait for about half a second. Then the workers are replaced as by a reload. A program that does not start, or is too different to take over, changes nothing. Needs WORKERS.",
  answers: {
    202: {
      description: "The upgrade has begun, or waits for the current roll.",
      contents: json(object({ status: { const: "upgrading" }, roll: whole("The number of this roll.") }), {
        answer: { status: "upgrading", roll: 1 },
      }),
    },
  },
  errors: ["bad-request", "draining"],
};

export const aboutOpenApi: About = {
  tag: "documents",
  answers: { 200: document("The OpenAPI 3.1 document of this server.") },
};

export const aboutAsyncApi: About = {
  tag: "documents",
  answers: { 200: document("The AsyncAPI 3.0 document of this server.") },
};

export const aboutDocs: About = {
  tag: "documents",
  answers: {
    200: { description: "An HTML page.", contents: { "text/html": { schema: { type: "string" } } } },
  },
};

function status(description: string, word: string): Answer {
  return { description, contents: json(object({ status: { const: word } }), { answer: { status: word } }) };
}

function document(description: string): Answer {
  return { description, contents: { "application/json": { schema: { type: "object" } } } };
}
