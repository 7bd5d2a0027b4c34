import type { TelemetryOptions } from "./options.ts";
import type { TracedProcess, Tracing } from "./tracing.ts";

/**
 * Starts to send traces, if the settings say so.
 * @returns undefined if not. Then nothing is imported: the SDK of OpenTelemetry takes 5 MB and more
 */
export async function openTracing(settings: TelemetryOptions, process: TracedProcess): Promise<Tracing | undefined> {
  const url = tracesUrl(settings);
  if (url === undefined) return undefined;
  const { startTracing } = await import("./otlp.ts");
  return startTracing(url, settings, process);
}

/** Where traces are sent. Undefined if nothing is traced. */
export function tracesUrl(settings: TelemetryOptions): string | undefined {
  const { otelExporterOtlpEndpoint: base, otelExporterOtlpTracesEndpoint: traces, otelTracesExporter } = settings;
  if (settings.otelSdkDisabled || otelTracesExporter === "none") return undefined;
  return traces ?? (base === undefined ? undefined : `${base.replace(/\/+$/, "")}/v1/traces`);
}
