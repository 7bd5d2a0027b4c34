import { fieldsOf } from "./fields.ts";
import type { Paint } from "./paint.ts";
import { printable } from "./printable.ts";

type Fields = Readonly<Record<string, unknown>>;

/** The answer of `GET /v1/trace` for people: the summary, then one sentence per connection with its facts below. */
export function traceReport(answer: Fields, paint: Paint): readonly string[] {
  const { summary, connections, refusals, more, complete } = answer;
  return [
    textOf(summary),
    ...listOf(connections).flatMap((it) => connectionLines(it, paint)),
    ...(typeof more === "number" && more > 0 ? ["", `${more} more connections are not shown.`] : []),
    ...refusalLines(listOf(refusals), paint),
    ...(complete === false ? ["", paint.error("Not all workers answered, so connections may be missing.")] : []),
  ];
}

function connectionLines(connection: Fields, paint: Paint): readonly string[] {
  const { verdict, sentence, connection_id, worker, remote, is_open, connected_at, ended_at, offset, flushed } =
    connection;
  const from = textOf(connected_at);
  const time = is_open === true ? `open since ${from}` : `${from} to ${textOf(ended_at)}`;
  const place = typeof offset === "number" ? [`sent up to ${offset} of ${String(flushed)}`] : [];
  const facts = [textOf(worker), textOf(remote), time, ...place].join(", ");
  const head = typeof sentence === "string" ? textOf(sentence) : textOf(connection_id);
  const label = typeof verdict === "string" ? `${verdict}: ` : "";
  return ["", `${paintVerdict(label, paint)}${head}`, paint.dim(`  ${facts}`)];
}

/** Green would be a sender's colour, so good news is not coloured. */
function paintVerdict(label: string, paint: Paint): string {
  return /^(drained|sent|resumed|pending)/.test(label) ? label : paint.notice(label);
}

function refusalLines(refusals: readonly Fields[], paint: Paint): readonly string[] {
  if (refusals.length === 0) return [];
  const lines = refusals.map(({ at, action, remote, code, reason }) => {
    return `${paint.dim(textOf(at))} ${textOf(action)} from ${textOf(remote)}: ${textOf(code)}: ${textOf(reason)}`;
  });
  return ["", "Refused recently:", ...lines.map((line) => `  ${line}`)];
}

function listOf(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.map(fieldsOf) : [];
}

function textOf(value: unknown): string {
  return typeof value === "string" ? printable(value) : "";
}
