import type { Peers } from "../cluster/peers.ts";
import { type PlainSample, type SampleColumns, type SampleRing, sampleIntervalS } from "./sample-ring.ts";

/** Which samples are asked for: those that are newer. Unix time in seconds. */
interface StatsRequest {
  readonly after: number;
}

/** What `GET /v1/stats` says about one process. */
export interface ProcessStats extends SampleColumns {
  readonly id: string;
  /** Such as `worker 2`. */
  readonly name: string;
  readonly node?: string;
  /** The process has ended, and its supervisor has its samples. */
  readonly ended?: true;
}

/** The answer of a process: its own samples and, if it is a supervisor, those of workers that have ended. */
interface StatsAnswer extends SampleColumns {
  readonly ended: readonly ProcessStats[];
}

/** The samples of processes that have ended; see `WorkerHours`. */
export interface EndedProcesses {
  ended(after: number): readonly ProcessStats[];
}

/** Lets the other processes of the server ask for the samples of this one. Call it once. */
export function registerStatsHandler(peers: Peers, ring: SampleRing, others?: EndedProcesses): void {
  peers.handle("stats", ({ after }: StatsRequest): StatsAnswer => {
    return { ...ring.columns(after), ended: others?.ended(after) ?? [] };
  });
  peers.handle("samples", ({ after }: StatsRequest) => ring.since(after));
}

/** The samples of one process, for a copy. Empty if it does not answer. */
export async function readSamples(peers: Peers, member: string, after: number): Promise<readonly PlainSample[]> {
  const answer = await peers.askOne(member, "samples", { after } satisfies StatsRequest);
  return (answer ?? []) as readonly PlainSample[];
}

/** The samples of all processes of the server, by machine and name. */
export async function readStats(peers: Peers, after: number) {
  const answers = await peers.askAll("stats", { after } satisfies StatsRequest);
  const processes = answers
    .filter(({ body }) => body !== null)
    .flatMap(({ member: { id, state }, body }): readonly ProcessStats[] => {
      const { ended, ...columns } = body as StatsAnswer;
      const node = state.node === undefined ? {} : { node: state.node };
      return [...ended, { id, name: state.name, ...node, ...columns }];
    });
  processes.sort((a, b) => compare(a.node, b.node) || compare(a.name, b.name));
  return { interval_s: sampleIntervalS, processes };
}

function compare(a = "", b = ""): number {
  return a.localeCompare(b, "en", { numeric: true });
}
