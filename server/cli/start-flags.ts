import { type Command, Option } from "commander";
import { type Declared, declarations } from "../config/options.ts";
import { describeDefault } from "../config/options-page.ts";
import type { ConfigInputs } from "../config/sources.ts";
import { flagOf, type OptionKind } from "../lib/option.ts";

/** Adds a flag for every setting and alias. Values are not checked here, but in `loadSettings` with all other sources. */
export function addSettingFlags(command: Command): Command {
  command.option(
    "--config <path>",
    "settings file: .yaml, .json or .toml (default: fanfare.config.yaml, if it exists)",
  );
  for (const declared of declarations) {
    for (const option of flagsOf(declared)) command.addOption(option);
  }
  return command;
}

/** The settings on the command line, as `loadSettings` takes them. The command's own flags, such as `--json`, are left out. */
export function settingFlagsOf(command: Command): Pick<ConfigInputs, "flags" | "configPath"> {
  const flags = new Map<string, string | true>();
  for (const option of command.options) {
    const { long } = option;
    if (typeof long !== "string" || !settingFlags.has(long)) continue;
    const value: unknown = command.getOptionValue(option.attributeName());
    if (typeof value === "string" || value === true) flags.set(long, value);
  }
  const configPath: unknown = command.getOptionValue("config");
  return { flags, configPath: typeof configPath === "string" ? configPath : undefined };
}

const settingFlags: ReadonlySet<string> = new Set(
  declarations.flatMap(({ names, fileNames }) => [...names, ...fileNames].map(flagOf)),
);

function flagsOf(declared: Declared): Option[] {
  const { names, fileNames, group, option } = declared;
  const own = names.map((name, index) => {
    const flag = new Option(`${flagOf(name)} ${placeholder(declared)}`, describe(declared)).helpGroup(`${group}:`);
    if (option.kind === "list") flag.argParser((value: string, before: unknown) => joined(before, value));
    return index > 0 ? flag.hideHelp() : flag;
  });
  const files = fileNames.map((name, index) => {
    const flag = new Option(`${flagOf(name)} <path>`, "read it from a file").helpGroup(`${group}:`);
    return index > 0 ? flag.hideHelp() : flag;
  });
  return [...own, ...files];
}

const placeholders: Readonly<Record<OptionKind, string>> = {
  duration: "<time>",
  bytes: "<size>",
  whole: "<number>",
  toggle: "[on|off]",
  text: "<text>",
  list: "<list>",
  choice: "<word>",
};

/** A longer placeholder would leave no space for the descriptions on a terminal of 80 columns. */
const maxPlaceholder = 24;

function placeholder({ option }: Declared): string {
  const words = `<${(option.choices ?? []).join("|")}>`;
  return option.kind === "choice" && words.length <= maxPlaceholder ? words : placeholders[option.kind];
}

/** `Time between two pings of one connection. (WS_PING_INTERVAL; default: 30s)` */
function describe(declared: Declared): string {
  const { names, option } = declared;
  const isListed = option.kind !== "choice" || placeholder(declared) !== placeholders.choice;
  const choices = isListed ? "" : ` Expected: ${option.rule}.`;
  const value = describeDefault(declared);
  return `${option.help}${choices} (${names.join(", ")}${value === "" ? "" : `; default: ${value}`})`;
}

/** A list can be given as one flag or several. */
function joined(before: unknown, value: string): string {
  return typeof before === "string" ? `${before},${value}` : value;
}
