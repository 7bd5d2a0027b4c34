import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { childEnv } from "../child-env.ts";

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** A project of a user, in an empty folder. Use it with `using`. */
export class FreshProject implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), "fanfare-project-"));

  /** @param files by their paths */
  constructor(files: Readonly<Record<string, string>> = {}) {
    for (const [path, text] of Object.entries(files)) this.write(path, text);
  }

  path(...parts: string[]): string {
    return join(this.folder, ...parts);
  }

  write(path: string, text: string): void {
    mkdirSync(dirname(this.path(path)), { recursive: true });
    writeFileSync(this.path(path), text);
  }

  /** Runs a program in the folder until it exits. */
  async run(command: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ran> {
    const child = Bun.spawn([...command], {
      cwd: this.folder,
      env: childEnv(env),
      stdio: ["ignore", "pipe", "pipe"],
    });
    const [out, err, code] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ]);
    return { code, out, err };
  }

  /** The same, and throws if the program fails. @returns its output */
  async expect(command: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
    const { code, out, err } = await this.run(command, env);
    if (code !== 0) throw new Error(`${command.join(" ")} exited with ${code}:\n${out}\n${err}`);
    return out;
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
