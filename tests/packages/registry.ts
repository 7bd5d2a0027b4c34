import { mkdirSync } from "node:fs";
import type { FreshProject } from "./fresh-project.ts";

/** Of the person who runs the tests: the registry and its cache, and how this machine gets there. */
const names = ["HOME", "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"];

/** The environment variables that a package manager needs to install. Its temporary files are removed with the project. */
export function registryEnv(project: FreshProject): Record<string, string> {
  const temporary = project.path(".tmp");
  mkdirSync(temporary, { recursive: true });
  const given = names.flatMap((it) => (process.env[it] === undefined ? [] : [[it, process.env[it]]]));
  return { ...Object.fromEntries(given), TMPDIR: temporary };
}
