import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Argument, Command } from "commander";
import { describeSettings, settingsAsJson } from "../config/describe.ts";
import { type Examined, examineSettings, loadSettings } from "../config/load.ts";
import { ConfigError } from "../config/settings.ts";
import type { CommandContext } from "./context.ts";
import { pages } from "./pages.ts";
import { addSettingFlags, settingFlagsOf } from "./start-flags.ts";

/** `fanfare config show`, `check` and `docs`: prints the current settings, validates them, or prints their documentation. */
export function makeConfigCommand(context: CommandContext): Command {
  return new Command("config")
    .description("show or check the settings that a server would start with")
    .addCommand(makeShowCommand(context))
    .addCommand(makeCheckCommand(context))
    .addCommand(makeDocsCommand(context));
}

function makeShowCommand(context: CommandContext): Command {
  const command = new Command("show")
    .description("print every setting, its value and its source; secrets are hidden")
    .option("--json", "print one JSON object")
    .action(({ json }: { readonly json?: true }) => {
      const examined = examine(context, command);
      if (json) {
        context.print(JSON.stringify(settingsAsJson(examined), undefined, 2));
        // The object contains the problems.
        return context.exitWith(examined.problems.length > 0 ? 2 : 0);
      }
      context.print(describeSettings(examined).join("\n"));
      warn(context, examined);
      if (examined.problems.length > 0) throw new ConfigError(examined.problems);
    });
  return addSettingFlags(command);
}

function makeCheckCommand(context: CommandContext): Command {
  const command = new Command("check")
    .description("check whether a server would start with these settings; takes the flags of `fanfare start`")
    .action(() => {
      const { env, readText } = context;
      const loaded = loadSettings({ env, readText, ...settingFlagsOf(command) });
      warn(context, loaded);
      const { isSecured, host, port } = loaded.settings;
      context.print(`The settings are valid: ${isSecured ? "a secured" : "an open"} server on ${host}, port ${port}.`);
    });
  return addSettingFlags(command);
}

function makeDocsCommand(context: CommandContext): Command {
  const names = pages.map(({ name }) => name);
  return new Command("docs")
    .description("print a generated page: all options, an example .env file, the JSON Schema of the settings file …")
    .addArgument(new Argument("[page]", "the page to print").choices(names).default("options"))
    .option("--into <folder>", "write all pages below a folder, at their paths in Fanfare's repository")
    .action((name: string, { into }: { readonly into?: string }) => {
      if (into === undefined) return context.print(textOf(name).trimEnd());
      for (const { path, make } of pages) {
        const target = join(into, path);
        mkdirSync(dirname(target), { recursive: true });
        writeFileSync(target, make());
      }
    });
}

function textOf(name: string): string {
  return pages.find((page) => page.name === name)?.make() ?? "";
}

function examine({ env, readText }: CommandContext, command: Command): Examined {
  return examineSettings({ env, readText, ...settingFlagsOf(command) });
}

function warn({ stderr }: CommandContext, { warnings }: Pick<Examined, "warnings">): void {
  for (const warning of warnings) stderr.write(`warning: ${warning}\n`);
}
