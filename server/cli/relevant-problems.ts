import type { Examined } from "../config/load.ts";

/** The settings that commands other than `start` use, with the keys of their declarations. */
const keys = { HOST: "host", PORT: "port", API_KEY: "apiKeys" } as const;

/**
 * The problems that affect the given settings. Other problems do not matter to the command: `start` reports them.
 * A file that cannot be read may contain any setting, so it is a problem if one of these settings has no other source.
 */
export function relevantProblems(
  { problems, origins }: Examined,
  names: readonly (keyof typeof keys)[],
): readonly string[] {
  const isMissing = names.some((name) => origins.get(keys[name])?.from === "default");
  return problems.filter((problem) => (isMissing && isUnread(problem)) || names.some((name) => isOf(name, problem)));
}

/** `PORT: expected …`, `port in fanfare.config.yaml: expected …`, `API_KEY_FILE: there is no file …` */
function isOf(name: string, problem: string): boolean {
  return (
    new RegExp(`^${name}(_FILE)?( in \\S+)?(:|, key| is empty)`, "i").test(problem) && !problem.includes("INSECURE")
  );
}

function isUnread(problem: string): boolean {
  return /^(\.env|fanfare\.config\.\w+|found fanfare)\b/.test(problem);
}
