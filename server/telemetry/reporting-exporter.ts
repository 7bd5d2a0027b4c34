import { getLogger } from "@logtape/logtape";
import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace";

const log = () => getLogger(["fanfare", "telemetry"]);

type OnResult = Parameters<SpanExporter["export"]>[1];

/** Logs once that the collector does not accept spans, and once that it does again. The SDK itself would be silent. */
export class ReportingExporter implements SpanExporter {
  readonly #exporter: SpanExporter;
  readonly #url: string;
  #lost = 0;

  constructor(exporter: SpanExporter, url: string) {
    this.#exporter = exporter;
    this.#url = url;
  }

  export(spans: ReadableSpan[], onResult: OnResult): void {
    this.#exporter.export(spans, (result) => {
      this.#report(spans.length, result.error);
      onResult(result);
    });
  }

  shutdown(): Promise<void> {
    return this.#exporter.shutdown();
  }

  async forceFlush(): Promise<void> {
    await this.#exporter.forceFlush?.();
  }

  #report(count: number, error: Error | undefined): void {
    const url = this.#url;
    if (error === undefined) {
      if (this.#lost > 0)
        log().info("Traces are sent to {url} again; {lost} spans were lost", { url, lost: this.#lost });
      this.#lost = 0;
      return;
    }
    if (this.#lost === 0) log().warning("Traces cannot be sent to {url}: {reason}", { url, reason: error.message });
    this.#lost += count;
  }
}
