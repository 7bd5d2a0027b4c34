import { tmpdir } from "node:os";

/**
 * The environment of a process that a test starts: PATH, TMPDIR, and what the test adds. Nothing else is passed on, so that
 * the settings of the person who runs the tests have no effect.
 */
export function childEnv(more: Readonly<Record<string, string>> = {}): Record<string, string> {
  return { PATH: process.env.PATH ?? "", TMPDIR: tmpdir(), ...more };
}
