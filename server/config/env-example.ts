import { type Declared, declarations } from "./options.ts";
import { describeDefault } from "./options-page.ts";

/** An `.env` file with every option, each commented out: what is copied from it as it stands changes nothing. */
export function envExample(): string {
  const groups = Map.groupBy(declarations, ({ group }) => group);
  const parts = [...groups].flatMap(([group, members]) => [`# --- ${group} ---`, "", ...members.flatMap(entry)]);
  return [
    "# Settings of Fanfare. Copy this file to .env and take the # away from what you set.",
    "# Made by `npm run generate`; docs/options.md says more about each.",
    "",
    ...parts,
  ].join("\n");
}

function entry(declared: Declared): string[] {
  const { names, option } = declared;
  const [name = "", ...aliases] = names;
  const also = aliases.length === 0 ? [] : [`# Also ${aliases.join(", ")}.`];
  const value = describeDefault(declared);
  const isByMode = value.includes(" when open");
  const byMode = isByMode ? [`# Default: ${value}.`] : [];
  return [
    ...wrapped(option.help).map((line) => `# ${line}`),
    ...also,
    ...byMode,
    `# ${name}=${isByMode ? (value.split(" ")[0] ?? "") : quoted(value)}`,
    "",
  ];
}

/** Where it would be read as something else without quotes. */
function quoted(value: string): string {
  return /^["'\s]|\s$|(^|\s)#/.test(value) ? `'${value}'` : value;
}

function wrapped(text: string): string[] {
  return text.match(/.{1,116}(?:\s|$)/g)?.map((line) => line.trimEnd()) ?? [];
}
