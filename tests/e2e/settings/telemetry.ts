import { until } from "../../waiting.ts";
import { Collector } from "../collector.ts";
import type { ServerUnderTest } from "../server.ts";
import { SocketUnderTest } from "../socket.ts";
import { publish, type SettingsGroup } from "./setting.ts";

let collector: Collector;

/** Where nothing listens. */
const nowhere = "http://127.0.0.1:9";
const nothingSent = "the server without these settings sends no traces";
/** Trace ids that a share of one half includes, and does not. */
const [included, excluded] = ["00000000000000000000000000000001", "ffffffff000000000000000000000000"];

/** Whether a message is traced, which its headers show. @param flags whether the caller's trace is recorded */
async function isTraced(server: ServerUnderTest, traceId: string, flags: "00" | "01"): Promise<boolean> {
  using client = await SocketUnderTest.open(server.wsUrl);
  const traceparent = `00-${traceId}-b7ad6b7169203331-${flags}`;
  await publish(server, { channel: "all", message: "m" }, { traceparent });
  const { headers } = await client.until(({ message }) => message === "m");
  return headers !== undefined;
}

/** Publishes a message that is traced, even if only a share is. */
const publishTraced = (server: ServerUnderTest) =>
  publish(server, { channel: "all", message: "m" }, { traceparent: `00-${included}-b7ad6b7169203331-01` });

/** The first request of the server to its collector. */
async function firstRequest(server: ServerUnderTest) {
  await publishTraced(server);
  await until(() => collector.requests.length > 0, "traces have arrived");
  return collector.requests[0];
}

async function resourceAttribute(server: ServerUnderTest, name: string) {
  await firstRequest(server);
  return collector.spans[0]?.resource[name];
}

/** A server that sends traces, and what they say. */
export const tracesGroup: SettingsGroup = {
  name: "traces",
  base: {},
  prepare: async (stack) => {
    collector = stack.use(new Collector());
    return { env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url } };
  },
  settings: {
    otelExporterOtlpEndpoint: {
      observe: async (it) => (await firstRequest(it))?.path,
      expected: "/v1/traces",
      hasNoControl: nothingSent,
    },
    otelExporterOtlpHeaders: {
      value: "x-tenant=a%20b",
      observe: async (it) => (await firstRequest(it))?.headers.get("X-Tenant"),
      expected: "a b",
      hasNoControl: nothingSent,
    },
    otelExporterOtlpProtocol: {
      value: "http/json",
      observe: async (it) => (await firstRequest(it))?.headers.get("Content-Type"),
      expected: "application/json",
      hasNoControl: nothingSent,
    },
    otelServiceName: {
      value: "push",
      observe: (it) => resourceAttribute(it, "service.name"),
      expected: "push",
      hasNoControl: nothingSent,
    },
    otelResourceAttributes: {
      value: "deployment.environment.name=test",
      observe: (it) => resourceAttribute(it, "deployment.environment.name"),
      expected: "test",
      hasNoControl: nothingSent,
    },
    otelTracesSampler: {
      value: "traceidratio",
      // By default this is the caller's decision.
      observe: (it) => isTraced(it, included, "00"),
      expected: true,
    },
    otelTracesSamplerArg: {
      value: "0.5",
      observe: async (it) => [await isTraced(it, included, "01"), await isTraced(it, excluded, "01")],
      expected: [true, false],
    },
    // The last one, because the collector does not answer any more.
    otelExporterOtlpTimeout: {
      value: "300",
      observe: async (it) => {
        collector.hangs = true;
        await publishTraced(it);
        await until(() => collector.abandonedAfterMs < 5000, "the server has stopped waiting");
        return (await it.untilLogged(/Traces cannot be sent to/)) !== null;
      },
      expected: true,
      hasNoControl: nothingSent,
    },
  },
};

export const tracesEndpointGroup: SettingsGroup = {
  name: "traces to another path",
  base: { OTEL_EXPORTER_OTLP_ENDPOINT: nowhere },
  prepare: async (stack) => {
    collector = stack.use(new Collector());
    return { env: { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${collector.url}/custom` } };
  },
  settings: {
    otelExporterOtlpTracesEndpoint: {
      observe: async (it) => (await firstRequest(it))?.path,
      expected: "/custom",
      hasNoControl: "nothing arrives from the server without it",
    },
  },
};

export const noExporterGroup: SettingsGroup = {
  name: "no traces: no exporter",
  base: { OTEL_EXPORTER_OTLP_ENDPOINT: nowhere },
  settings: {
    otelTracesExporter: { value: "none", observe: (it) => isTraced(it, included, "01"), expected: false },
  },
};

export const disabledGroup: SettingsGroup = {
  name: "no traces: disabled",
  base: { OTEL_EXPORTER_OTLP_ENDPOINT: nowhere },
  settings: {
    otelSdkDisabled: { value: "true", observe: (it) => isTraced(it, included, "01"), expected: false },
  },
};
