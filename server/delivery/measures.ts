import { Histogram } from "../lib/histogram.ts";
import type { Batch } from "../session/batch.ts";

/** The bounds of the histograms. Latencies are in seconds. */
export const measureBounds = {
  latency: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  publications: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000],
  bytes: [128, 256, 512, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576],
} as const;

/**
 * Histograms about flushes, for the scraper. Connections that get the same batch are counted together, so a write to one of
 * many costs nothing more.
 */
export class Measures {
  /** From the time at which a publication was stored until it was written, once per publication and connection. */
  readonly latency = new Histogram(measureBounds.latency);
  /** Publications per write. */
  readonly publications = new Histogram(measureBounds.publications);
  /** Bytes of JSON per write. */
  readonly bytes = new Histogram(measureBounds.bytes);
  /** The flush has written a batch to this many connections, or tried to. @param now milliseconds since 1970 */
  flushed({ items }: Batch, connections: number, now: number): void {
    if (connections === 0) return;
    for (const item of items) {
      if (item.kind !== "publication") continue;
      // Clocks of other machines may be ahead.
      this.latency.observe(Math.max(0, now - item.publication.timestamp) / 1000, connections);
    }
  }

  /** The same batches were written to this many connections, in one write each. */
  wrote(batches: readonly Batch[], connections: number): void {
    if (connections === 0) return;
    let publications = 0;
    let bytes = 0;
    for (const batch of batches) {
      publications += batch.items.length;
      bytes += batch.wireBytes;
    }
    this.publications.observe(publications, connections);
    this.bytes.observe(bytes, connections);
  }
}
