import { expect, test } from "bun:test";
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import { Tracing } from "./tracing.ts";

const caller = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" };

/** The span of a request with the caller's `traceparent`. */
async function spanOf(isTrusted: boolean) {
  const exporter = new InMemorySpanExporter();
  const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] });
  const tracing = new Tracing(provider.getTracer("test"), async () => undefined);
  const traceparent = `00-${caller.traceId}-${caller.spanId}-01`;
  await tracing.request({ method: "POST", route: "/v1/publish", traceparent, isTrusted }, () => ({ status: 200 }));
  await provider.forceFlush();
  const [span] = exporter.getFinishedSpans();
  return { trace: span?.spanContext().traceId, parent: span?.parentSpanContext?.spanId, links: span?.links };
}

test("the request of a backend is part of the backend's trace", async () => {
  expect(await spanOf(true)).toEqual({ trace: caller.traceId, parent: caller.spanId, links: [] });
});

test("a client's request is a trace of its own, so that clients do not decide what is traced, and names that of the client", async () => {
  const { trace, parent, links } = await spanOf(false);
  expect(trace).not.toBe(caller.traceId);
  expect([parent, links?.map(({ context }) => context.spanId)]).toEqual([undefined, [caller.spanId]]);
});
