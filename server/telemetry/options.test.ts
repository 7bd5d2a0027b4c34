import { describe, expect, test } from "bun:test";
import { tracesUrl } from "./open-tracing.ts";
import { type TelemetryOptions, telemetryOptions } from "./options.ts";
import { pairsOf } from "./pairs.ts";

const defaults: TelemetryOptions = {
  otelExporterOtlpEndpoint: undefined,
  otelExporterOtlpTracesEndpoint: undefined,
  otelExporterOtlpHeaders: [],
  otelExporterOtlpProtocol: "http/protobuf",
  otelExporterOtlpTimeout: 10_000,
  otelServiceName: undefined,
  otelResourceAttributes: [],
  otelTracesSampler: "parentbased_always_on",
  otelTracesSamplerArg: undefined,
  otelTracesExporter: "otlp",
  otelSdkDisabled: false,
};
const [base, traces] = ["http://127.0.0.1:4318", "https://traces.example.com/otlp"];

describe("traces", () => {
  test.each<[Partial<TelemetryOptions>, string | undefined]>([
    [{}, undefined],
    [{ otelExporterOtlpEndpoint: base }, `${base}/v1/traces`],
    [{ otelExporterOtlpEndpoint: `${base}/` }, `${base}/v1/traces`],
    [{ otelExporterOtlpTracesEndpoint: traces }, traces],
    [{ otelExporterOtlpEndpoint: base, otelExporterOtlpTracesEndpoint: traces }, traces],
    [{ otelExporterOtlpEndpoint: base, otelSdkDisabled: true }, undefined],
    [{ otelExporterOtlpEndpoint: base, otelTracesExporter: "none" }, undefined],
  ])("with %o are sent to %s", (settings, url) => {
    expect(tracesUrl({ ...defaults, ...settings })).toBe(url);
  });
});

describe("settings of OpenTelemetry", () => {
  test.each(["0", "1", "1.0", "0.25", ".5", "0.", 0.1])("accept %p as a share", (share) => {
    expect(telemetryOptions.otelTracesSamplerArg.parse(share)).toBe(String(share));
  });

  test.each(["-0.1", "1.01", "2", "half", "50%", "1e-3", "0.5.1", ""])("refuse %p as a share", (share) => {
    expect(telemetryOptions.otelTracesSamplerArg.parse(share)).toBeUndefined();
  });

  test.each(["grpc", "http", "json"])("refuse the protocol %s", (protocol) => {
    expect(telemetryOptions.otelExporterOtlpProtocol.parse(protocol)).toBeUndefined();
  });

  test.each(["collector:4318", "grpc://collector:4317", "http://user:password@collector", "http://"])(
    "refuse the endpoint %s",
    (url) => {
      expect(telemetryOptions.otelExporterOtlpEndpoint.parse(url)).toBeUndefined();
    },
  );

  test("read pairs, percent-encoded", () => {
    const pairs = telemetryOptions.otelExporterOtlpHeaders.parse("authorization=Basic%20YQ==, x-a=b=c");
    expect(pairsOf(pairs ?? [])).toEqual({ authorization: "Basic YQ==", "x-a": "b=c" });
  });

  test.each(["authorization", "=b", "a=", "a=b c", "a=%zz", "a=50%"])("refuse %p as a pair", (pair) => {
    expect(telemetryOptions.otelExporterOtlpHeaders.parse(pair)).toBeUndefined();
  });
});
