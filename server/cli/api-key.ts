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

/** The keys of one command. */
export interface CommandKeys {
  readonly key: string | undefined;
  /** The key for the control socket, which requires none. */
  readonly controlKey: string | undefined;
}

/**
 * The keys for a command that uses the control socket if there is one. The control socket gets only a key from the environment,
 * which was passed to this command: the server refuses it if it is wrong. Keys in `.env` or a settings file may be those of
 * another server.
 * @throws ConfigError if API_KEY is needed and invalid
 */
export function keysOf(
  given: string | undefined,
  examined: Examined,
  { scope, control }: { readonly scope: Scope; readonly control: string | undefined },
): CommandKeys {
  if (control === undefined) return { key: keyOf(given, examined, scope), controlKey: undefined };
  if (examined.origins.get("apiKeys")?.from === "environment") {
    const key = keyOf(given, examined, scope);
    return { key, controlKey: key };
  }
  // Needed only if the control socket was left behind by a killed server.
  const isValid = relevantProblems(examined, ["API_KEY"]).length === 0;
  return { key: isValid ? keyOf(given, examined, scope) : undefined, controlKey: undefined };
}

/** `publish+read@6f1c…` → `6f1c…` */
function bare(key: string): string {
  return key.slice(key.indexOf("@") + 1);
}
