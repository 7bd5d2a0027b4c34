import { hostname } from "node:os";
import { OTLPTraceExporter as JsonExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { OTLPTraceExporter as ProtobufExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import { systemClock } from "../lib/clock.ts";
import type { TelemetryOptions } from "./options.ts";
import { pairsOf } from "./pairs.ts";
import { ReportingExporter } from "./reporting-exporter.ts";
import { type TracedProcess, Tracing } from "./tracing.ts";

/** The most spans that may wait for the collector. During an outage, newer ones are dropped. */
const maxQueueSize = 2048;
/** How long spans are collected, so that they are sent together, milliseconds. */
const scheduledDelayMillis = 1000;
/** How long a process that stops waits for the collector, milliseconds. */
const closeMs = 2000;

/** Starts to send traces. This module imports the SDK of OpenTelemetry. */
export function startTracing(url: string, settings: TelemetryOptions, process: TracedProcess): Tracing {
  const Exporter = settings.otelExporterOtlpProtocol === "http/json" ? JsonExporter : ProtobufExporter;
  const exporter = new Exporter({
    url,
    headers: { ...pairsOf(settings.otelExporterOtlpHeaders) },
    timeoutMillis: settings.otelExporterOtlpTimeout,
  });
  const reporting = new ReportingExporter(exporter, url);
  const provider = new TracerProvider({
    resource: resourceFromAttributes(resourceOf(settings, process)),
    sampler: samplerOf(settings),
    spanProcessors: [new BatchSpanProcessor({ exporter: reporting, maxQueueSize, scheduledDelayMillis })],
  });
  let closing: Promise<void> | undefined;
  return new Tracing(provider.getTracer("fanfare", process.version), () => {
    // Its errors are logged by the exporter.
    closing ??= Promise.race([provider.shutdown().catch(() => undefined), wait(closeMs)]);
    return closing;
  });
}

function resourceOf({ otelServiceName, otelResourceAttributes }: TelemetryOptions, { name, version }: TracedProcess) {
  const given = pairsOf(otelResourceAttributes);
  return {
    "service.version": version,
    "service.instance.id": `${hostname()}:${process.pid}`,
    "fanfare.process": name,
    ...given,
    "service.name": otelServiceName ?? given["service.name"] ?? "fanfare",
  };
}

function samplerOf({ otelTracesSampler: name, otelTracesSamplerArg: share = "1" }: TelemetryOptions): Sampler {
  const roots: Readonly<Record<string, () => Sampler>> = {
    always_on: () => new AlwaysOnSampler(),
    always_off: () => new AlwaysOffSampler(),
    traceidratio: () => new TraceIdRatioBasedSampler(Number(share)),
  };
  const root = roots[name.replace("parentbased_", "")]?.() ?? new AlwaysOnSampler();
  return name.startsWith("parentbased_") ? new ParentBasedSampler({ root }) : root;
}

/** Does not keep the process alive. */
function wait(ms: number): Promise<void> {
  return new Promise((resolve) => void systemClock.setTimeout(resolve, ms));
}
