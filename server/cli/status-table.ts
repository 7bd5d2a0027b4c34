import type { Sample } from "./status-sample.ts";

/** A sample with what it takes two to know. The names are those of `--json`. */
export interface StatusRow {
  readonly state: string;
  readonly connections: number;
  readonly users: number | null;
  readonly slow_connections: number;
  readonly channels: number;
  readonly messages_per_s: number;
  readonly deliveries_per_s: number;
  readonly memory_bytes: number;
  readonly uptime_s: number;
}

/** What happened between two samples of one process. A counter that went back belongs to a process that began anew. */
export function rowOf(before: Sample, now: Sample): StatusRow {
  const seconds = (now.at - before.at) / 1000;
  const rate = (from: number, to: number) => {
    const since = to < from ? to : to - from;
    return seconds > 0 ? Math.round((since / seconds) * 10) / 10 : 0;
  };
  return {
    state: now.state,
    connections: now.connections,
    users: now.users ?? null,
    slow_connections: now.slow,
    channels: now.channels,
    messages_per_s: rate(before.publications, now.publications),
    deliveries_per_s: rate(before.deliveries, now.deliveries),
    memory_bytes: now.memoryBytes,
    uptime_s: now.uptimeS,
  };
}

const columns: readonly (readonly [heading: string, cell: (row: StatusRow) => string])[] = [
  ["state", ({ state }) => state],
  [
    "connections",
    ({ connections, users }) => (users ? `${connections} (${count(users, "user")})` : String(connections)),
  ],
  ["channels", ({ channels }) => String(channels)],
  ["messages/s", ({ messages_per_s }) => rateText(messages_per_s)],
  ["deliveries/s", ({ deliveries_per_s }) => rateText(deliveries_per_s)],
  ["memory", ({ memory_bytes }) => `${Math.round(memory_bytes / 1024 ** 2)} MiB`],
  ["uptime", ({ uptime_s }) => uptimeText(uptime_s)],
];

/** A heading, and a line per process; below it what should not be. Numbers stand right, to be compared at a glance. */
export function statusTable(rows: readonly StatusRow[]): readonly string[] {
  const table = [columns.map(([heading]) => heading), ...rows.map((row) => columns.map(([, cell]) => cell(row)))];
  const widths = columns.map((_, index) => Math.max(...table.map((line) => (line[index] ?? "").length)));
  const slow = rows.reduce((sum, row) => sum + row.slow_connections, 0);
  return [
    ...table.map((line) => line.map((cell, index) => pad(cell, widths[index] ?? 0, index)).join("  ")),
    ...(slow === 0
      ? []
      : ["", `${count(slow, "connection")} with a full socket: what is sent there waits for its reader`]),
  ];
}

function pad(cell: string, width: number, index: number): string {
  return index === 0 ? cell.padEnd(width) : cell.padStart(width);
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

function rateText(rate: number): string {
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
  const first = parts.findIndex(([count]) => count > 0);
  const shown = first < 0 ? parts.slice(3) : parts.slice(first, first + 2);
  return shown.map(([count, unit]) => `${count}${unit}`).join(" ");
}
