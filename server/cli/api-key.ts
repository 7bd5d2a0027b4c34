import { type Command, Option } from "commander";
import type { Scope } from "../auth/api-key.ts";
import type { Examined } from "../config/load.ts";
import { ConfigError } from "../config/settings.ts";
import { concerned } from "./concerned.ts";

/** Gives a command `--api-key`; without it the server's own setting counts. */
export function addKeyFlag(command: Command): Command {
  const help = "key of the HTTP API, instead of API_KEY (others can see a flag: prefer the environment or .env)";
  return command.addOption(new Option("--api-key <key>", help));
}

/**
 * The key to bring, without its scopes: the first of API_KEY that has the scope.
 * @throws ConfigError where API_KEY is said, and cannot be used
 */
export function keyOf(given: string | undefined, examined: Examined, scope: Scope): string | undefined {
  if (given !== undefined) return bare(given.trim());
  const problems = concerned(examined, ["API_KEY"]);
  if (problems.length > 0) throw new ConfigError(problems);
  const { apiKeys } = examined.settings;
  const found = apiKeys.find((it) => !it.includes("@") || (it.split("@")[0] ?? "").split("+").includes(scope));
  // None with the scope: the server says so better than a request without any key would.
  const chosen = found ?? apiKeys[0];
  return chosen === undefined ? undefined : bare(chosen);
}

/** `publish+read@6f1c…` is `6f1c…` to who uses it. */
function bare(key: string): string {
  return key.slice(key.indexOf("@") + 1);
}
