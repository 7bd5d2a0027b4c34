import { existsSync } from "node:fs";

/** The path of HAProxy. @throws Error if it is not installed; `npm test` provides it */
export function haproxyProgram(): string {
  const named = process.env.FANFARE_HAPROXY;
  if (named !== undefined) return named;
  for (const path of ["/usr/sbin/haproxy", "/usr/local/sbin/haproxy", "/usr/bin/haproxy"]) {
    if (existsSync(path)) return path;
  }
  throw new Error("haproxy is not installed: run npm test, which installs it or says how to");
}
