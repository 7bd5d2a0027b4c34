import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { childEnv } from "../child-env.ts";
import type { LibraryEvent } from "./library-record.ts";

/** The Node process that runs the libraries for Node. Use it with `using`. */
export class NodeLibraries implements Disposable {
  readonly #child: Subprocess<"pipe">;
  readonly #folder: string;

  /** @param url of the stream that all of them follow */
  constructor(url: string) {
    this.#folder = mkdtempSync(join(tmpdir(), "fanfare-streams-"));
    // Into a file, because on a busy machine the runtime sometimes stops reading the pipe of a process.
    const out = openSync(this.#path, "a");
    this.#child = Bun.spawn(["node", join(import.meta.dir, "node-libraries.js"), url], {
      env: childEnv(),
      stdio: ["pipe", out, "inherit"],
    });
    closeSync(out);
  }

  events(): Promise<readonly LibraryEvent[]> {
    const lines = readFileSync(this.#path, "utf8").split("\n").slice(0, -1);
    return Promise.resolve(lines.map((it) => JSON.parse(it) as LibraryEvent));
  }

  [Symbol.dispose](): void {
    this.#child.kill("SIGKILL");
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #path(): string {
    return join(this.#folder, "events");
  }
}
