import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { examineSettings } from "../../server/config/load.ts";
import { declarations } from "../../server/config/options.ts";
import { parseDuration } from "../../server/lib/duration.ts";

interface Service {
  readonly image: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly stop_grace_period?: string;
  readonly volumes?: readonly string[];
}

const root = join(import.meta.dir, "..", "..");

/** The servers in a compose file. */
function serversOf(file: string): readonly Service[] {
  const { services } = parse(readFileSync(join(root, file), "utf8"), { merge: true }) as {
    readonly services: Readonly<Record<string, Service>>;
  };
  return Object.values(services).filter(({ image }) => image === "fanfare");
}

test.each([
  ["compose.yaml", 1],
  ["deploy/two-nodes/compose.yaml", 2],
])("%s starts servers with valid settings, and gives each ten seconds more than it takes", (file, count) => {
  const servers = serversOf(file);
  expect(servers).toHaveLength(count);
  for (const { environment = {}, stop_grace_period } of servers) {
    // Secrets come from the environment of the person who starts it.
    const given = Object.entries(environment).map(([name, value]) => [
      name,
      value.replace(/^\$\{.*\}$/, "5f2c81d09be7463aa1c0de98f7a4b362"),
    ]);
    const known = declarations.flatMap(({ names, fileNames }) => [...names, ...fileNames]);
    expect(given.filter(([name = ""]) => !known.includes(name))).toEqual([]);
    const env = { HOST: "0.0.0.0", ...Object.fromEntries(given) };
    const { problems, settings } = examineSettings({
      env,
      flags: new Map(),
      configPath: undefined,
      readText: () => undefined,
    });
    expect(problems).toEqual([]);
    expect(parseDuration(stop_grace_period)).toBeGreaterThanOrEqual(settings.shutdownTimeoutMs + 10_000);
  }
});
