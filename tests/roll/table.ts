import type { RollResult } from "./roll-run.ts";

type Row = readonly [heading: string, cell: (result: RollResult) => string | number];

const rows: readonly Row[] = [
  ["rolls", ({ rolls }) => rolls],
  ["subscribers", ({ subscribers }) => subscribers],
  ["acknowledged", ({ acknowledged }) => acknowledged],
  ["deliveries", ({ deliveries }) => deliveries],
  ["lost", ({ lost }) => lost],
  ["doubled", ({ doubled }) => doubled],
  ["reordered", ({ reordered }) => reordered],
  ["failed attempts to publish, then retried", ({ publisherErrors }) => publisherErrors],
  ["messages that no retry could publish", ({ unpublished }) => unpublished],
  ["notices about moves", ({ notices }) => notices],
  ["gaps", ({ gaps }) => gaps],
  ["unclean closes", ({ unclean }) => unclean],
  ["dead EventSources", ({ dead }) => dead],
  ["longest silence, ms", ({ longestSilenceMs }) => longestSilenceMs],
  ["peak closes/s (bound)", ({ peakClosesPerSecond, closesBound }) => `${peakClosesPerSecond} (${closesBound})`],
  ["peak handshakes/s", ({ peakHandshakesPerSecond }) => peakHandshakesPerSecond],
  ["roll, s", ({ rollSeconds }) => rangeOf(rollSeconds)],
  ["exit code", ({ exitCode }) => exitCode],
  ["other faults", ({ faults }) => faults.length],
];

/** A Markdown table with one column per run. */
export function rollTable(results: readonly RollResult[]): string {
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(" | ")} |`;
  const head = [line(["", ...results.map(({ name }) => name)]), line(["---", ...results.map(() => "---:")])];
  return [...head, ...rows.map(([heading, cell]) => line([heading, ...results.map(cell)]))].join("\n");
}

function rangeOf(seconds: readonly number[]): string {
  if (seconds.length === 0) return "-";
  return `${Math.min(...seconds).toFixed(1)} to ${Math.max(...seconds).toFixed(1)}`;
}
