import { type Command, Option } from "commander";
import type { Scope } from "../auth/api-key.ts";
import type { Examined } from "../config/load.ts";
import { ConfigError } from "../config/settings.ts";
import { relevantProblems } from "./relevant-problems.ts";

/** Adds `--api-key` to a command. Without it, the key comes from the server's own settings. */
export function addKeyFlag(command: Command): Command {
  const help =
    "key for the HTTP API, instead of API_KEY (flags are visible in the process list: prefer the environment or .env)";
  return command.addOption(new Option("--api-key <key>", help));
}

/**
 * The key to send, without its scopes: the first key of API_KEY that has the scope.
 * @throws ConfigError if API_KEY is needed and invalid
 */
export function keyOf(given: string | undefined, examined: Examined, scope: Scope): string | undefined {
  if (given !== undefined) return bare(given.trim());
  const problems = relevantProblems(examined, ["API_KEY"]);
  if (problems.length > 0) throw new ConfigError(problems);
  const { apiKeys } = examined.settings;
  const found = apiKeys.find((it) => !it.includes("@") || (it.split("@")[0] ?? "").split("+").includes(scope));
  // If no key has the scope, send the first one: the server then names the missing scope.
  const chosen = found ?? apiKeys[0];
  return chosen === undefined ? undefined : bare(chosen);
}

/** `publish+read@6f1c…` → `6f1c…` */
function bare(key: string): string {
  return key.slice(key.indexOf("@") + 1);
}
