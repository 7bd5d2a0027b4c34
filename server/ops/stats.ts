import type { Peers } from "../cluster/peers.ts";
import { type SampleColumns, type Samples, sampleIntervalS } from "./samples.ts";

/** A request to one process; see `Samples.columns`. */
interface StatsRequest {
  readonly after: number;
}

/** What `GET /v1/stats` says about one process. */
export interface ProcessStats extends SampleColumns {
  readonly id: string;
  /** Such as `worker 2`. */
  readonly name: string;
  readonly node?: string;
}

/** Lets the other processes of the server ask for the samples of this one. Call it once. */
export function registerStatsHandler(peers: Peers, samples: Samples): void {
  peers.handle("stats", ({ after }: StatsRequest) => samples.columns(after));
}

/** The samples of all processes of the server. */
export async function readStats(peers: Peers, after: number) {
  const answers = await peers.askAll("stats", { after } satisfies StatsRequest);
  const processes = answers
    .filter(({ body }) => body !== null)
    .map(
      ({ member: { id, state }, body }): ProcessStats => ({
        id,
        name: state.name,
        ...(state.node === undefined ? {} : { node: state.node }),
        ...(body as SampleColumns),
      }),
    );
  processes.sort((a, b) => a.name.localeCompare(b.name, "en", { numeric: true }));
  return { interval_s: sampleIntervalS, processes };
}
