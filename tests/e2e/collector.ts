import { until } from "../waiting.ts";

/** A span as it arrived. */
export interface ReceivedSpan {
  readonly name: string;
  /** Of the OTLP: 2 server, 4 producer, 5 consumer. */
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly links: readonly string[];
  readonly attributes: Readonly<Record<string, unknown>>;
  /** Attributes of the process that sent it. */
  readonly resource: Readonly<Record<string, unknown>>;
  readonly isError: boolean;
  readonly startMs: number;
  readonly endMs: number;
}

interface OtlpAttribute {
  readonly key: string;
  readonly value: { readonly stringValue?: string; readonly intValue?: number | string; readonly boolValue?: boolean };
}

interface OtlpSpan extends Pick<ReceivedSpan, "name" | "kind" | "traceId" | "spanId"> {
  readonly parentSpanId?: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly OtlpAttribute[];
  readonly links?: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly status?: { readonly code?: number };
}

interface OtlpTraces {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly OtlpAttribute[] };
    readonly scopeSpans: readonly { readonly spans: readonly OtlpSpan[] }[];
  }[];
}

/** Receives traces over OTLP/HTTP, as a collector does. Use it with `using`. */
export class Collector implements Disposable {
  /** Those that arrived as JSON. */
  readonly spans: ReceivedSpan[] = [];
  /** All requests, with their bodies. */
  readonly requests: { readonly path: string; readonly headers: Headers; readonly body: Buffer }[] = [];
  /** Never answers. */
  hangs = false;
  /** How long the client of an unanswered request has waited. */
  abandonedAfterMs = Number.POSITIVE_INFINITY;
  readonly #server: Bun.Server<undefined>;

  constructor(port = 0) {
    this.#server = Bun.serve({ port, hostname: "127.0.0.1", fetch: (request) => this.#answer(request) });
  }

  get port(): number {
    return this.#server.port ?? 0;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** The settings of a server that sends JSON here. */
  get env(): Readonly<Record<string, string>> {
    return { OTEL_EXPORTER_OTLP_ENDPOINT: this.url, OTEL_EXPORTER_OTLP_PROTOCOL: "http/json" };
  }

  of(traceId: string): readonly ReceivedSpan[] {
    return this.spans.filter((it) => it.traceId === traceId);
  }

  /** Resolves with the spans of a trace once there are this many. @throws Error on timeout */
  async untilTrace(traceId: string, count: number): Promise<readonly ReceivedSpan[]> {
    await until(() => this.of(traceId).length >= count, `${count} spans of ${traceId} have arrived`);
    return this.of(traceId);
  }

  [Symbol.dispose](): void {
    void this.#server.stop(true);
  }

  async #answer(request: Request): Promise<Response> {
    if (this.hangs) return this.#hang(request);
    const body = Buffer.from(await request.arrayBuffer());
    this.requests.push({ path: new URL(request.url).pathname, headers: request.headers, body });
    const isJson = request.headers.get("Content-Type") === "application/json";
    if (isJson) this.spans.push(...spansOf(JSON.parse(body.toString()) as OtlpTraces));
    return isJson ? Response.json({}) : new Response("", { headers: { "Content-Type": "application/x-protobuf" } });
  }

  #hang(request: Request): Promise<Response> {
    const at = performance.now();
    request.signal.addEventListener("abort", () => {
      this.abandonedAfterMs = performance.now() - at;
    });
    return new Promise(() => undefined);
  }
}

function spansOf({ resourceSpans }: OtlpTraces): readonly ReceivedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map(({ parentSpanId, attributes, links = [], status, startTimeUnixNano, endTimeUnixNano, ...rest }) => ({
        ...rest,
        parentSpanId,
        links: links.map(({ traceId, spanId }) => `${traceId}-${spanId}`),
        attributes: valuesOf(attributes),
        resource: valuesOf(resource.attributes),
        isError: status?.code === 2,
        startMs: Number(startTimeUnixNano) / 1e6,
        endMs: Number(endTimeUnixNano) / 1e6,
      })),
    ),
  );
}

function valuesOf(attributes: readonly OtlpAttribute[]): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    attributes.map(({ key, value: { stringValue, intValue, boolValue } }) => [
      key,
      stringValue ?? (intValue === undefined ? boolValue : Number(intValue)),
    ]),
  );
}
