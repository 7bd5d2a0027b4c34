import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Shared } from "../shared.ts";
import { until } from "../waiting.ts";
import { Collector, type ReceivedSpan } from "./collector.ts";
import { type ServerUnderTest, startServer } from "./server.ts";
import { SocketUnderTest } from "./socket.ts";

const apiKey = "k7Qm2Zt9Xw4Rb6Ny8Lc3";
const asKey = { "X-API-Key": apiKey };
const [server, producer, consumer] = [2, 4, 5];

let traceCount = 0;
/** A trace of a publisher, and what it sends. */
function newTrace(flags = "01") {
  const traceId = `0af7651916cd43dd8448eb211c8031${(traceCount++).toString(16).padStart(2, "0")}`;
  const spanId = "b7ad6b7169203331";
  return { traceId, spanId, header: { ...asKey, traceparent: `00-${traceId}-${spanId}-${flags}` } };
}

const named = (spans: readonly ReceivedSpan[], name: string) => spans.filter((it) => it.name === name);

describe("a server with two workers that sends traces", () => {
  let collector: Collector;
  let traced: ServerUnderTest;
  const clients: SocketUnderTest[] = [];
  const shared = new Shared();
  beforeAll(async () => {
    collector = new Collector();
    shared.defer(() => collector[Symbol.dispose]());
    const env = { ...collector.env, API_KEY: apiKey, ANONYMOUS: "on", WORKERS: "2", CHAT: "on", LOG_LEVEL: "DEBUG" };
    const more = { OTEL_SERVICE_NAME: "push", OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=test%20lab" };
    traced = await shared.use(startServer({ env: { ...env, ...more } }));
    // Connections spread over the workers by a hash, so with so many of them each worker has some.
    clients.push(...(await Promise.all(Array.from({ length: 16 }, () => SocketUnderTest.open(traced.wsUrl)))));
  });
  afterAll(async () => {
    for (const client of clients) client.close();
    await shared.close();
  });

  test.concurrent("sends a span of the request, of storing, and of the delivery in each worker, as children of the caller's", async () => {
    const { traceId, spanId, header } = newTrace();
    const answer = await traced.request("POST", "/v1/publish", { channel: "all", data: 1, id: "m-1" }, header);
    expect(answer.status).toBe(200);
    const spans = await collector.untilTrace(traceId, 4);
    expect(spans.map(({ name }) => name).toSorted()).toEqual(["POST /v1/publish", "deliver", "deliver", "publish"]);
    const [request] = named(spans, "POST /v1/publish");
    const [publish] = named(spans, "publish");
    const deliveries = named(spans, "deliver");
    expect(request).toMatchObject({ kind: server, parentSpanId: spanId });
    expect(request?.attributes).toEqual({
      "http.request.method": "POST",
      "http.route": "/v1/publish",
      "http.response.status_code": 200,
    });
    expect(publish).toMatchObject({ kind: producer, parentSpanId: request?.spanId });
    const messaging = {
      "messaging.system": "fanfare",
      "messaging.destination.name": "all",
      "messaging.message.id": "m-1",
    };
    const { offset } = (await answer.json()) as { offset: number };
    expect(publish?.attributes).toEqual({
      ...messaging,
      "messaging.operation.name": "publish",
      "messaging.operation.type": "send",
      "fanfare.offset": offset,
    });
    expect(deliveries.map(({ kind, parentSpanId }) => [kind, parentSpanId])).toEqual(
      Array(2).fill([consumer, publish?.spanId]),
    );
    expect(deliveries[0]?.attributes).toMatchObject({
      ...messaging,
      "messaging.operation.name": "deliver",
      "messaging.operation.type": "process",
      "fanfare.offset": offset,
    });
    const connections = deliveries.map(({ attributes }) => Number(attributes["fanfare.connections"]));
    expect(connections.reduce((sum, it) => sum + it, 0)).toBe(clients.length);
    expect(new Set(deliveries.map(({ resource }) => resource["fanfare.process"]))).toEqual(
      new Set(["worker 1", "worker 2"]),
    );
    expect(deliveries[0]?.resource).toMatchObject({
      "service.name": "push",
      "deployment.environment.name": "test lab",
    });
    for (const { startMs, endMs } of spans) expect(endMs).toBeGreaterThanOrEqual(startMs);
  });

  test.concurrent("tells clients the context of the publish span, so that they can continue the trace", async () => {
    const { traceId, header } = newTrace();
    const headers = { tenant: "a", traceparent: "00-00000000000000000000000000000001-0000000000000001-01" };
    await traced.request("POST", "/v1/publish", { channel: "all", data: "own", headers }, header);
    const message = await clients[0]?.until(({ data }) => data === "own");
    const [publish] = named(await collector.untilTrace(traceId, 4), "publish");
    expect(message?.headers).toEqual({ tenant: "a", traceparent: `00-${traceId}-${publish?.spanId}-01` });
    // The publisher's own `traceparent` becomes a link.
    expect(publish?.links).toEqual(["00000000000000000000000000000001-0000000000000001"]);
  });

  test.concurrent.each([
    ["POST", "/v1/channels/all/messages", { text: "hi" }, "POST /v1/channels/{channel}/messages", 4],
    ["POST", "/sse/push", { user_id: "u1", data: 1 }, "POST /sse/push", 2],
    [
      "POST",
      "/sse/push/batch",
      [
        { user_id: "u1", data: 1 },
        { user_id: "u2", data: 2 },
      ],
      "POST /sse/push/batch",
      3,
    ],
    ["POST", "/v1/publish", { channels: ["a", "b"], data: 1 }, "POST /v1/publish", 3],
  ])("traces %s %s", async (method, path, body, name, count) => {
    const { traceId, spanId, header } = newTrace();
    expect((await traced.request(method, path, body, header)).status).toBe(200);
    const spans = await collector.untilTrace(traceId, count);
    const [request] = named(spans, name);
    expect(request?.parentSpanId).toBe(spanId);
    expect(named(spans, "publish").every(({ parentSpanId }) => parentSpanId === request?.spanId)).toBe(true);
    expect(spans).toHaveLength(count);
  });

  test.concurrent("a refused request is in the trace with the error", async () => {
    const { traceId, header } = newTrace();
    expect((await traced.request("POST", "/v1/publish", { channel: "all" }, header)).status).toBe(422);
    const [request] = await collector.untilTrace(traceId, 1);
    expect(request?.attributes).toMatchObject({ "http.response.status_code": 422, "error.type": "invalid-field" });
    expect(request?.isError).toBe(false); // the caller's fault, by the conventions
  });

  test.concurrent("a caller that is not recorded is not recorded here, and clients see no traceparent", async () => {
    const { traceId, header } = newTrace("00");
    await traced.request("POST", "/v1/publish", { channel: "all", data: "unsampled" }, header);
    const message = await clients[0]?.until(({ data }) => data === "unsampled");
    expect(message).not.toHaveProperty("headers");
    const later = newTrace();
    await traced.request("POST", "/v1/publish", { channel: "all", data: 1 }, later.header);
    await collector.untilTrace(later.traceId, 4);
    expect(collector.of(traceId)).toEqual([]);
  });

  test.concurrent("an invalid traceparent is ignored: a new trace begins", async () => {
    const traceparent = "00-00000000000000000000000000000000-b7ad6b7169203331-01";
    const ask = { channel: "all", data: 1, id: "m-invalid" };
    expect((await traced.request("POST", "/v1/publish", ask, { ...asKey, traceparent })).status).toBe(200);
    const find = () => collector.spans.find(({ attributes }) => attributes["messaging.message.id"] === "m-invalid");
    await until(() => find() !== undefined, "the trace has arrived");
    const spans = await collector.untilTrace(find()?.traceId ?? "", 4);
    expect(named(spans, "POST /v1/publish")[0]?.parentSpanId ?? "").toBe("");
  });

  test.concurrent("a client's message begins a trace of its own: a client cannot write into the trace of another", async () => {
    const traceparent = "00-000000000000000000000000000000aa-00000000000000bb-01";
    const [client] = clients;
    client?.send({ type: "message", message: "hello", id: "m-chat", headers: { traceparent } });
    const message = await clients[1]?.until(({ message: text }) => text === "hello");
    const isOfClient = ({ name, attributes }: ReceivedSpan) =>
      name === "publish" && attributes["messaging.message.id"] === message?.id;
    await until(() => collector.spans.some(isOfClient), "the trace has arrived");
    expect(collector.of("000000000000000000000000000000aa")).toEqual([]);
  });
});

test.concurrent("Protobuf is the default, with the headers that were set; a server that stops sends what it has", async () => {
  using collector = new Collector();
  const env = {
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${collector.url}/custom`,
    OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20s3cr3t-t0ken,x-tenant=a",
    LOG_LEVEL: "DEBUG",
  };
  await using traced = await startServer({ env });
  const { traceId, header } = newTrace();
  await traced.request("POST", "/v1/publish", { channel: "all", data: 1 }, header);
  traced.signal("SIGTERM");
  expect(await traced.exited).toBe(0);
  expect(collector.requests.map(({ path }) => path)).toEqual(["/custom"]);
  const [request] = collector.requests;
  expect(request?.headers.get("Content-Type")).toBe("application/x-protobuf");
  expect(request?.headers.get("Authorization")).toBe("Bearer s3cr3t-t0ken");
  expect(request?.headers.get("X-Tenant")).toBe("a");
  expect(request?.body.includes(Buffer.from(traceId, "hex"))).toBe(true);
  expect(request?.body.includes("POST /v1/publish")).toBe(true);
  expect(traced.output).not.toContain("s3cr3t");
});

test.concurrent("an outage of the collector is logged once when it begins and once when it ends; nothing is refused meanwhile", async () => {
  const gone = new Collector();
  const { port, env } = gone;
  gone[Symbol.dispose]();
  await using traced = await startServer({ env: { ...env, OTEL_EXPORTER_OTLP_TIMEOUT: "300" } });
  const publish = () => traced.request("POST", "/v1/publish", { channel: "all", data: 1 }, newTrace().header);
  await publish();
  await traced.untilLogged(/Traces cannot be sent to http:\S+\/v1\/traces: /);
  for (let n = 0; n < 20; n++) expect((await publish()).status).toBe(200);
  using back = new Collector(port);
  await until(async () => {
    await publish();
    return back.spans.length > 0;
  }, "spans arrive again");
  await traced.untilLogged(/Traces are sent to \S+ again; \d+ spans were lost/);
  expect(traced.output.match(/Traces cannot be sent/g)).toHaveLength(1);
});
