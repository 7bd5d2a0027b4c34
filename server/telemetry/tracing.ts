import {
  type Attributes,
  type Context,
  type Link,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import { type ErrorCode, errorTable, ServiceError } from "../../protocol/errors.ts";
import { type Draft, isEphemeral, type Publication } from "../../protocol/publication.ts";
import type { Published } from "../broker/broker.ts";
import { formatTraceparent, isSampled, parseTraceparent } from "./traceparent.ts";

/** The process that sends the spans. */
export interface TracedProcess {
  readonly version: string;
  /** Such as `worker 2`. */
  readonly name: string;
}

/** An HTTP request that publishes. */
export interface PublishingRequest {
  readonly method: string;
  /** The path with the names of its parameters: `/v1/channels/{channel}/messages`. */
  readonly route: string;
  /** Its header. */
  readonly traceparent: string | null;
  /** Whether it comes from a backend. Clients may not decide what is traced. */
  readonly isTrusted: boolean;
}

/**
 * The spans of a publication: the request that publishes it, storing it, and its delivery in each worker. Their names and
 * attributes follow the semantic conventions of OpenTelemetry for HTTP and messaging.
 *
 *     POST /v1/publish   server     child of the caller's span
 *     └ publish          producer   until it is stored; its context is the publication's header `traceparent`
 *       ├ deliver        consumer   in worker 1, until it is written to all connections that are up to date
 *       └ deliver        consumer   in worker 2
 *
 * Imported only where traces are switched on.
 */
export class Tracing {
  readonly #tracer: Tracer;
  readonly #close: () => Promise<void>;

  /** @param close sends what is waiting */
  constructor(tracer: Tracer, close: () => Promise<void>) {
    this.#tracer = tracer;
    this.#close = close;
  }

  /** @param perform is given the `traceparent` of the request's span, for its drafts */
  async request<T extends { readonly status: number }>(
    { method, route, traceparent, isTrusted }: PublishingRequest,
    perform: (traceparent: string) => T | Promise<T>,
  ): Promise<T> {
    const caller = parseTraceparent(traceparent);
    const parent = isTrusted ? caller : undefined;
    const attributes = { "http.request.method": method, "http.route": route };
    const options = { kind: SpanKind.SERVER, attributes, links: linksTo(isTrusted ? undefined : caller) };
    const span = this.#tracer.startSpan(`${method} ${route}`, options, contextOf(parent));
    try {
      const answer = await perform(formatTraceparent(span.spanContext()));
      span.setAttribute("http.response.status_code", answer.status);
      return answer;
    } catch (error) {
      const code = codeOf(error);
      const { status } = errorTable[code];
      span.setAttributes({ "http.response.status_code": status, "error.type": code });
      if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
      throw error;
    } finally {
      span.end();
    }
  }

  /** @param store is given the draft whose header `traceparent` is the context of this span */
  publish(draft: Draft, store: (traced: Draft) => Published | Promise<Published>): Published | Promise<Published> {
    const { traceparent, ...rest } = draft;
    const parent = parseTraceparent(traceparent);
    const creation = parseTraceparent(draft.headers?.traceparent);
    const attributes = {
      ...messagingAttributes(draft.channel),
      "messaging.operation.name": "publish",
      "messaging.operation.type": "send",
    };
    const options = { kind: SpanKind.PRODUCER, attributes, links: linksTo(creation) };
    const span = this.#tracer.startSpan("publish", options, contextOf(parent));
    try {
      const stored = store(withTraceparent(rest, span.spanContext()));
      if (!(stored instanceof Promise)) return endStored(span, stored);
      return stored.then(
        (published) => endStored(span, published),
        (error: unknown) => endFailed(span, error),
      );
    } catch (error) {
      return endFailed(span, error);
    }
  }

  /**
   * A flush has written a publication to connections of this worker. One span for all of them.
   * @param startedAt when the publication arrived in this worker, milliseconds since 1970; `endedAt` too
   */
  delivered(
    publication: Publication,
    {
      connections,
      startedAt,
      endedAt,
    }: { readonly connections: number; readonly startedAt: number; readonly endedAt: number },
  ): void {
    const parent = parseTraceparent(publication.headers?.traceparent);
    if (parent === undefined || !isSampled(parent)) return;
    const attributes: Attributes = {
      ...messagingAttributes(publication.channel),
      "messaging.operation.name": "deliver",
      "messaging.operation.type": "process",
      "messaging.message.id": publication.id,
      "fanfare.connections": connections,
    };
    if (!isEphemeral(publication)) attributes["fanfare.offset"] = publication.offset;
    const options = { kind: SpanKind.CONSUMER, attributes, startTime: startedAt };
    this.#tracer.startSpan("deliver", options, contextOf(parent)).end(endedAt);
  }

  /** Sends the waiting spans, within seconds. Idempotent. */
  close(): Promise<void> {
    return this.#close();
  }
}

/** The header that clients see. A client's own is not passed on: only the server's decides. */
function withTraceparent(draft: Draft, context: SpanContext): Draft {
  const { traceparent, ...headers } = draft.headers ?? {};
  if (isSampled(context)) return { ...draft, headers: { ...headers, traceparent: formatTraceparent(context) } };
  if (traceparent === undefined || draft.publisher === undefined) return draft;
  const { headers: _, ...bare } = draft;
  return Object.keys(headers).length === 0 ? bare : { ...bare, headers };
}

function messagingAttributes(channel: string): Attributes {
  return { "messaging.system": "fanfare", "messaging.destination.name": channel };
}

function endStored(span: Span, published: Published): Published {
  const { id, position, duplicate } = published;
  span.setAttribute("messaging.message.id", id);
  if (position !== undefined) span.setAttribute("fanfare.offset", position.offset);
  if (duplicate) span.setAttribute("fanfare.duplicate", true);
  span.end();
  return published;
}

function endFailed(span: Span, error: unknown): never {
  span.setAttribute("error.type", codeOf(error));
  span.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error ? error.message : String(error) });
  span.end();
  throw error;
}

function codeOf(error: unknown): ErrorCode {
  return error instanceof ServiceError ? error.code : "internal";
}

function contextOf(parent: SpanContext | undefined): Context {
  return parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parent);
}

function linksTo(context: SpanContext | undefined): Link[] {
  return context === undefined ? [] : [{ context }];
}
