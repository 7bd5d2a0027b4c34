import { expect, test } from "bun:test";
import { SpanStatusCode } from "@opentelemetry/api";
import { InMemorySpanExporter, type Sampler, SimpleSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import { everyone } from "../../protocol/channel-name.ts";
import { type ErrorCode, ServiceError } from "../../protocol/errors.ts";
import type { Draft } from "../../protocol/publication.ts";
import { Tracing } from "./tracing.ts";

const caller = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" };
const traceparent = `00-${caller.traceId}-${caller.spanId}-01`;

function world(options: { readonly sampler?: Sampler } = {}) {
  const exporter = new InMemorySpanExporter();
  const provider = new TracerProvider({ ...options, spanProcessors: [new SimpleSpanProcessor({ exporter })] });
  const tracing = new Tracing(provider.getTracer("test"), async () => undefined);
  const spans = async () => {
    await provider.forceFlush();
    return exporter.getFinishedSpans();
  };
  return { tracing, spans };
}

/** The span of a request with the caller's `traceparent`. */
async function spanOf(isTrusted: boolean, answer: () => { readonly status: number } = () => ({ status: 200 })) {
  const { tracing, spans } = world();
  const request = { method: "POST", route: "/v1/publish", traceparent, isTrusted };
  await tracing.request(request, answer).catch(() => undefined);
  return (await spans())[0];
}

test("the request of a backend is part of the backend's trace", async () => {
  const span = await spanOf(true);
  const { traceId, spanId } = caller;
  expect([span?.spanContext().traceId, span?.parentSpanContext?.spanId, span?.links]).toEqual([traceId, spanId, []]);
});

test("a client's request is a trace of its own, so that clients do not decide what is traced, and names that of the client", async () => {
  const span = await spanOf(false);
  expect(span?.spanContext().traceId).toMatch(/^[0-9a-f]{32}$/);
  expect(span?.spanContext().traceId).not.toBe(caller.traceId);
  expect(span?.parentSpanContext).toBeUndefined();
  expect(span?.links.map(({ context }) => context.spanId)).toEqual([caller.spanId]);
});

test.each<[ErrorCode, SpanStatusCode]>([
  ["forbidden", SpanStatusCode.UNSET],
  ["broker-unavailable", SpanStatusCode.ERROR],
])("a request that is refused with %s: only what the server could not do is an error of it", async (code, status) => {
  const span = await spanOf(true, () => {
    throw new ServiceError(code, "no");
  });
  expect([span?.attributes["error.type"], span?.status.code]).toEqual([code, status]);
});

test("the header traceparent of a client is not passed on if nothing is recorded, and its other headers are", () => {
  const { tracing } = world({
    sampler: { shouldSample: () => ({ decision: 0 }), toString: () => "never" },
  });
  const stored: Draft[] = [];
  const store = (draft: Draft) => {
    stored.push(draft);
    return { id: "m1", position: undefined, duplicate: false, listeners: 0 };
  };
  const draft = { channel: everyone, message: "Hi", publisher: "user:u1" };
  void tracing.publish({ ...draft, headers: { traceparent } }, store);
  void tracing.publish({ ...draft, headers: { traceparent, a: "1" } }, store);
  expect(stored.map(({ headers }) => headers)).toEqual([undefined, { a: "1" }]);
});
