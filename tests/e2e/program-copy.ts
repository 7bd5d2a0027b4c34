import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dir, "..", "..");
const parts = ["server", "protocol", "client", "web", "bin", "package.json"];

/** A copy of the program, which a test can change on disk while it runs. Use it with `using`. */
export class ProgramCopy implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), "fanfare-copy-"));

  constructor() {
    for (const part of parts) cpSync(join(root, part), join(this.folder, part), { recursive: true });
    symlinkSync(join(root, "node_modules"), join(this.folder, "node_modules"));
  }

  /** The program's entry point. */
  get main(): string {
    return join(this.folder, "server/main.ts");
  }

  /** Overwrites a file of the program. */
  write(path: string, text: string): void {
    writeFileSync(join(this.folder, path), text);
  }

  /** Restores a file of the program. */
  restore(path: string): void {
    cpSync(join(root, path), join(this.folder, path));
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
