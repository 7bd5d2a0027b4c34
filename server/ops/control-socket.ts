import { chmodSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Where the server on a port of this machine is asked by programs of the same user: /tmp/fanfare-1000-8000.sock */
export function controlPath(port: number): string {
  return join(tmpdir(), `fanfare-${process.getuid?.() ?? "user"}-${port}.sock`);
}

/** Makes way for a new socket: whoever left one behind does not have the port any more. */
export function clearControlPath(path: string): void {
  rmSync(path, { force: true });
}

/** Only this user may ask. */
export function guardControlPath(path: string): void {
  chmodSync(path, 0o600);
}

/** The control socket of the server on a port, if there is one of this user's: another's would be a trap. */
export function findControlSocket(port: number): string | undefined {
  const path = controlPath(port);
  const found = statSync(path, { throwIfNoEntry: false });
  return found?.isSocket() && found.uid === process.getuid?.() ? path : undefined;
}
