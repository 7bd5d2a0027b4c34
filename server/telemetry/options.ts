import { choice, list, type OptionsOf, text, toggle, whole } from "../lib/option.ts";

/** Secrets belong into the headers, which are never shown. */
const url = {
  pattern: /^https?:\/\/[^\s/@?#]+(?:[/?#]\S*)?$/,
  rule: "a URL such as http://127.0.0.1:4318, without a user or password",
};

/** `key=value`, as in the W3C baggage header. The value may be percent-encoded. */
const pairs = {
  pattern: /^[^\s=,;"]+=(?:[^\s,;"%]|%[0-9A-Fa-f]{2})+$/,
  rule: "comma-separated pairs such as key=value, percent-encoded where needed",
};

/** The names and meanings are those of the OpenTelemetry specification. */
export const telemetryOptions = {
  otelExporterOtlpEndpoint: text(
    undefined,
    "Base URL of an OpenTelemetry collector that receives traces over OTLP/HTTP, at its path `/v1/traces`. Without it nothing is traced.",
    url,
  ),
  otelExporterOtlpTracesEndpoint: text(
    undefined,
    "The same for traces only: this URL is used as it is, and wins over OTEL_EXPORTER_OTLP_ENDPOINT.",
    url,
  ),
  otelExporterOtlpHeaders: list(
    [],
    "HTTP headers of each request to the collector: pairs such as `authorization=Bearer%20abc`, separated by commas.",
    { ...pairs, isSecret: true, orFile: true },
  ),
  otelExporterOtlpProtocol: choice(
    "http/protobuf",
    "The encoding: `http/protobuf` or `http/json`. gRPC is not supported.",
    {
      choices: ["http/protobuf", "http/json"],
    },
  ),
  otelExporterOtlpTimeout: whole(
    10_000,
    "How long the collector may take to accept spans, with retries. Milliseconds.",
    {
      min: 100,
      max: 60_000,
    },
  ),
  otelServiceName: text(
    undefined,
    "`service.name` in traces. Default: that of OTEL_RESOURCE_ATTRIBUTES, or `fanfare`.",
  ),
  otelResourceAttributes: list(
    [],
    "Further attributes of this server in traces, such as `deployment.environment.name=prod`.",
    pairs,
  ),
  otelTracesSampler: choice(
    "parentbased_always_on",
    "Which messages are traced: all, none, or a share of them. `parentbased_…`: as the caller's `traceparent` says, if there is one.",
    {
      choices: [
        "always_on",
        "always_off",
        "traceidratio",
        "parentbased_always_on",
        "parentbased_always_off",
        "parentbased_traceidratio",
      ],
    },
  ),
  otelTracesSamplerArg: text(undefined, "The share of messages that `traceidratio` traces, from 0 to 1. Default: 1.", {
    pattern: /^(?:0?\.\d+|0|1|[01]\.0*|0\.\d+)$/,
    rule: "a number from 0 to 1",
  }),
  otelTracesExporter: choice("otlp", "`none` switches traces off.", { choices: ["otlp", "none"] }),
  otelSdkDisabled: toggle(false, "Switches traces off."),
};

export type TelemetryOptions = OptionsOf<typeof telemetryOptions>;
