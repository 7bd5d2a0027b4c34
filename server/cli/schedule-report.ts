import { fieldsOf } from "./fields.ts";
import { printable, printableJson } from "./printable.ts";

/** The list as a table: `daily  active  2026-11-30 09:00:00 UTC  published  0 9 * * MON-FRI (Europe/London)`. */
export function scheduleTable(schedules: readonly unknown[]): readonly string[] {
  const rows = schedules.map(fieldsOf).map((it) => {
    const [next] = Array.isArray(it.next) ? it.next : [];
    return [textOf(it.id), textOf(it.state), timeText(next), textOf(fieldsOf(it.last).result), whenText(it)];
  });
  const all = [["ID", "STATE", "NEXT", "LAST", "WHEN"], ...rows];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...all.map((row) => (row[column] ?? "").length)));
  return all.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}

/** One schedule in lines for people. */
export function scheduleReport(schedule: unknown): readonly string[] {
  const it = fieldsOf(schedule);
  const last = fieldsOf(it.last);
  const { message } = fieldsOf(last.error);
  const next = Array.isArray(it.next) ? it.next : [];
  const lines: (readonly [string, string] | undefined)[] = [
    ["id", textOf(it.id)],
    ["state", `${textOf(it.state)}${it.durable === false ? " (a restart of the server forgets it)" : ""}`],
    ["when", whenText(it)],
    rulesText(it) === "" ? undefined : ["rules", rulesText(it)],
    it.publish === undefined ? undefined : ["publishes", printableJson(it.publish)],
    ["next", next.length === 0 ? "-" : next.map(timeText).join("\n           ")],
    ["last", it.last === null ? "-" : `${timeText(last.nominal)}: ${textOf(last.result)}`],
    typeof message === "string" ? ["error", printable(message)] : undefined,
    ["runs", textOf(it.runs)],
    ["revision", textOf(it.revision)],
  ];
  return lines.flatMap((line) => (line === undefined ? [] : [`${`${line[0]}:`.padEnd(11)}${line[1]}`]));
}

/** `every 30 s`, `0 9 * * * (Europe/London)`, `2026-11-30 09:00:00 UTC` */
function whenText({ at, delay_s, every_s, cron, tz }: Readonly<Record<string, unknown>>): string {
  if (at !== undefined) return `once at ${timeText(at)}`;
  if (delay_s !== undefined) return `once after ${textOf(delay_s)} s`;
  if (every_s !== undefined) return `every ${textOf(every_s)} s`;
  return `${textOf(cron)} (${textOf(tz)})`;
}

function rulesText(it: Readonly<Record<string, unknown>>): string {
  const rules = ["jitter_s", "max_runs", "starts_at", "ends_at", "catch_up", "catch_up_window_s"];
  return rules.flatMap((name) => (it[name] === undefined ? [] : [`${name} ${textOf(it[name])}`])).join(", ");
}

function timeText(value: unknown): string {
  if (typeof value !== "string") return "-";
  return `${printable(value).slice(0, 19).replace("T", " ")} UTC`;
}

function textOf(value: unknown): string {
  return value === undefined || value === null ? "-" : printable(String(value));
}
