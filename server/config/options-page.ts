import { ruleFields } from "../channels/rule.ts";
import { fallbackOf, isByMode } from "../lib/option.ts";
import { type Declared, declarations } from "./options.ts";

/** The Markdown page of all options. */
export function optionsPage(): string {
  const groups = Map.groupBy(declarations, ({ group }) => group);
  const tables = [...groups].flatMap(([group, members]) => [
    `## ${group}`,
    "",
    "| name | default | description |",
    "|---|---|---|",
    ...members.map(row),
    "",
  ]);
  return [...head, ...tables, ...channels].join("\n");
}

/** The default in the syntax of settings; both defaults if they depend on the mode; empty if there is none. */
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
  "<!-- Generated from the declarations in server/*/options.ts by `npm run generate`. Edit those, not this page. -->",
  "",
  "Each option has the same name everywhere: `HISTORY_SIZE` in the environment and in `.env`, `history_size` in the settings",
  "file, `--history-size` on the command line. If an option is set in several places, the later one in this order wins:",
  "default < file < `.env` < environment < flag.",
  "",
  "- The settings file is `fanfare.config.yaml`, `.json` or `.toml` in the working directory, or the one passed with",
  "  `--config PATH`. Editors can validate it with [config.schema.json](config.schema.json).",
  "- Times are seconds, or text such as `250ms`, `5s`, `2m`. Sizes are bytes, or text such as `64KiB`, `1MiB`. Switches are",
  "  `on` or `off`. Lists are separated by commas; in the file they may also be arrays.",
  "- An alias (`INTERVAL` for `NOTIFICATION_INTERVAL`) works wherever the name does. Setting both to different values is an",
  "  error.",
  "- An option marked † can be read from a file: `API_KEY_FILE=/run/secrets/key`, `--api-key-file`.",
  "- A server without any credential is *open*, a server with one is *secured*: see [auth.md](auth.md).",
  "- `fanfare config show` prints each value and its source. `fanfare config check` prints what is wrong.",
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
  "Channel rules can only be set in the settings file, under `channels`. `match` is a channel name, a prefix followed by `*`,",
  "or `*` for all channels. The first matching rule wins. Fields that it omits default to the options above.",
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
  "| field | expected |",
  "|---|---|",
  ...Object.entries(ruleFields).map(([name, expected]) => `| \`${name}\` | ${cell(expected)} |`),
  "",
];

/** A default that depends on the mode is a phrase; others are values. */
function code(value: string): string {
  return value.includes(" when open") ? value : `\`${cell(value)}\``;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}
