import { printable } from "./printable.ts";
import type { Sample, Snapshot } from "./status-snapshot.ts";

/** A row of the table: a sample, and the rates since the sample before it. Field names as in `--json`; null: not applicable. */
export interface StatusRow {
  readonly name: string;
  readonly state: string;
  readonly connections: number | null;
  readonly users: number | null;
  readonly slow_connections: number | null;
  readonly channels: number | null;
  readonly messages_per_s: number | null;
  readonly deliveries_per_s: number | null;
  readonly memory_bytes: number;
  readonly uptime_s: number;
}

/** The rows of the whole server and of each process. */
export interface Status {
  readonly server: StatusRow;
  readonly processes: readonly StatusRow[];
  readonly roll: string | undefined;
}

export function statusOf(before: Snapshot, now: Snapshot): Status {
  const earlier = new Map(before.processes.map((it) => [it.id, it]));
  return {
    server: { ...rowOf(before.server, now.server), users: now.users ?? null },
    processes: now.processes.map((it) => rowOf(earlier.get(it.id), it)),
    roll: now.roll,
  };
}

/**
 * Computes the rates between two samples. A counter that decreased means that the process restarted.
 * @param before undefined for a new process, whose rates are not known yet
 */
export function rowOf(before: Sample | undefined, now: Sample): StatusRow {
  const seconds = before === undefined ? 0 : (now.at - before.at) / 1000;
  const rate = (counter: "publications" | "deliveries") => {
    const from = before?.traffic?.[counter] ?? 0;
    const to = now.traffic?.[counter];
    if (to === undefined) return null;
    return seconds > 0 ? Math.round(((to < from ? to : to - from) / seconds) * 10) / 10 : 0;
  };
  return {
    name: now.name,
    state: now.state,
    connections: now.traffic?.connections ?? null,
    users: null,
    slow_connections: now.traffic?.slow ?? null,
    channels: now.traffic?.channels ?? null,
    messages_per_s: rate("publications"),
    deliveries_per_s: rate("deliveries"),
    memory_bytes: now.memoryBytes,
    uptime_s: now.uptimeS,
  };
}

type Column = readonly [heading: string, cell: (row: StatusRow) => string];

const nameColumn: Column = ["", ({ name }) => printable(name)];
const columns: readonly Column[] = [
  ["state", ({ state }) => printable(state)],
  ["connections", ({ connections, users }) => `${connections ?? "-"}${users ? ` (${count(users, "user")})` : ""}`],
  ["channels", ({ channels }) => String(channels ?? "-")],
  ["messages/s", ({ messages_per_s }) => rateText(messages_per_s)],
  ["deliveries/s", ({ deliveries_per_s }) => rateText(deliveries_per_s)],
  ["memory", ({ memory_bytes }) => `${Math.round(memory_bytes / 1024 ** 2)} MiB`],
  ["uptime", ({ uptime_s }) => uptimeText(uptime_s)],
];

/**
 * A heading and a line for the server, and one line per process if there are several. Numbers are right-aligned. Slow
 * connections are reported below the table.
 */
export function statusTable({ server, processes, roll }: Status): readonly string[] {
  const isOne = processes.length < 2;
  const shown = isOne ? columns : [nameColumn, ...columns];
  const rows = isOne ? [server] : [server, ...processes];
  const table = [shown.map(([heading]) => heading), ...rows.map((row) => shown.map(([, cell]) => cell(row)))];
  const widths = shown.map((_, index) => Math.max(...table.map((line) => (line[index] ?? "").length)));
  const texts = shown.length - columns.length;
  const pad = (cell: string, index: number) =>
    index <= texts ? cell.padEnd(widths[index] ?? 0) : cell.padStart(widths[index] ?? 0);
  const slow = server.slow_connections ?? 0;
  return [
    ...table.map((line) => line.map(pad).join("  ")),
    ...(slow === 0
      ? []
      : ["", `${count(slow, "slow connection")}: the client reads more slowly than the server sends`]),
    ...(roll === undefined ? [] : ["", printable(roll)]),
  ];
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

function rateText(rate: number | null): string {
  if (rate === null) return "-";
  return rate < 100 ? String(rate) : String(Math.round(rate));
}

/** The two largest units: `3d 4h`, `1h 2m`, `5m 6s`, `7s`. */
export function uptimeText(seconds: number): string {
  const parts = [
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor(seconds / 3600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "m"],
    [Math.floor(seconds) % 60, "s"],
  ] as const;
  const first = parts.findIndex(([amount]) => amount > 0);
  const shown = first < 0 ? parts.slice(3) : parts.slice(first, first + 2);
  return shown.map(([amount, unit]) => `${amount}${unit}`).join(" ");
}
