import { tmpdir } from "node:os";

/**
 * The environment of a process that a test starts: where programs are, where temporary files go, and what the test
 * adds. Nothing else is passed on, so that settings of the person who runs the tests change nothing.
 */
export function childEnv(more: Readonly<Record<string, string>> = {}): Record<string, string> {
  return { PATH: process.env.PATH ?? "", TMPDIR: tmpdir(), ...more };
}
