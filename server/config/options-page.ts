import { ruleFields } from "../channels/rule.ts";
import { fallbackOf, isByMode } from "../lib/option.ts";
import { type Declared, declarations } from "./options.ts";

/** The page of all options, as Markdown. */
export function optionsPage(): string {
  const groups = Map.groupBy(declarations, ({ group }) => group);
  const tables = [...groups].flatMap(([group, members]) => [
    `## ${group}`,
    "",
    "| name | default | what |",
    "|---|---|---|",
    ...members.map(row),
    "",
  ]);
  return [...head, ...tables, ...channels].join("\n");
}

/** The default as one would write it; `open` and `secured` where they differ, and nothing where there is none. */
export function describeDefault({ option }: Declared): string {
  const shown = (mode: "open" | "secured") => {
    const value = fallbackOf(option, mode);
    return value === undefined ? "" : option.format(value);
  };
  return isByMode(option.fallback) ? `${shown("open")} when open, ${shown("secured")} when secured` : shown("open");
}

const head = [
  "# Options",
  "",
  "<!-- Made from the declarations in server/*/options.ts by `npm run generate`: change them, not this page. -->",
  "",
  "Every option has one name, written in three ways: `HISTORY_SIZE` in the environment and in `.env`, `history_size` in the",
  "settings file, `--history-size` on the command line. What is said in several places goes by this order, the last one wins:",
  "default < file < `.env` < environment < flag.",
  "",
  "- The file is `fanfare.config.yaml`, `.json` or `.toml` in the working directory, or the one named by `--config PATH`.",
  "  Editors check it with [config.schema.json](config.schema.json).",
  "- Times are seconds, or text such as `250ms`, `5s`, `2m`; sizes are bytes, or text such as `64KiB`, `1MiB`; switches are",
  "  `on` or `off`; lists have commas between their members, and can be lists in the file.",
  "- A second name (`INTERVAL` for `NOTIFICATION_INTERVAL`) works everywhere the first one does; both at once with different",
  "  values is an error.",
  "- An option marked † can be read from a file: `API_KEY_FILE=/run/secrets/key`, `--api-key-file`.",
  "- *open* is a server without any credential, *secured* is one with: see [auth.md](auth.md).",
  "- `fanfare config show` says what holds and why; `fanfare config check` says what is wrong.",
  "",
];

function row(declared: Declared): string {
  const { names, option } = declared;
  const [name, ...aliases] = names;
  const also = aliases.length === 0 ? "" : ` (also ${aliases.map((it) => `\`${it}\``).join(", ")})`;
  const value = describeDefault(declared);
  const mark = option.orFile ? " †" : "";
  const help = `${option.help} Expected: ${option.rule}.`;
  return `| \`${name}\`${mark}${also} | ${value === "" ? "–" : code(value)} | ${cell(help)} |`;
}

const channels = [
  "## Rules by channel",
  "",
  "They stand in the file only, under `channels`. A rule has a `match`, which is a channel's name, the beginning of one",
  "followed by `*`, or `*` for all; the first one that matches holds, and what it leaves out comes from the options above.",
  "",
  "```yaml",
  "channels:",
  '  - match: "room:*"',
  "    history_size: 5000",
  "    presence: on",
  "    subscribe: authenticated",
  "    publish: token",
  "```",
  "",
  "| field | what |",
  "|---|---|",
  ...Object.entries(ruleFields).map(([name, expected]) => `| \`${name}\` | ${cell(expected)} |`),
  "",
];

/** A default that depends on the mode is words, any other a value. */
function code(value: string): string {
  return value.includes(" when open") ? value : `\`${cell(value)}\``;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}
