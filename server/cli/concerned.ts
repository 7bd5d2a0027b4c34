import type { Examined } from "../config/load.ts";

/** The settings that commands beside `start` ask for, by the keys of their declarations. */
const keys = { HOST: "host", PORT: "port", API_KEY: "apiKeys" } as const;

/**
 * The problems of the settings that keep a command from knowing these of them. What else is wrong is for the server to say.
 * A file that cannot be read may hold any of them, so that counts where one was found nowhere else.
 */
export function concerned({ problems, origins }: Examined, names: readonly (keyof typeof keys)[]): readonly string[] {
  const isMissing = names.some((name) => origins.get(keys[name])?.from === "default");
  return problems.filter((problem) => (isMissing && isUnread(problem)) || names.some((name) => isOf(name, problem)));
}

/** `PORT: expected …`, `port in fanfare.config.yaml: expected …`, `API_KEY_FILE: there is no file …` */
function isOf(name: string, problem: string): boolean {
  return new RegExp(`^${name}(_FILE)?( in \\S+)?(:| is empty)`, "i").test(problem) && !problem.includes("INSECURE");
}

function isUnread(problem: string): boolean {
  return /^(\.env|fanfare\.config\.\w+|there are fanfare)\b/.test(problem);
}
