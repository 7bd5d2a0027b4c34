import { createInterface, type Interface } from "node:readline";
import type { CliEnvironment } from "../cli-environment.ts";
import { LineQueue } from "./line-queue.ts";
import type { Screen } from "./screen.ts";

/** Plain lines in and out, for scripts and redirected output. */
export class PipeScreen implements Screen {
  readonly isPerson: boolean;
  readonly #write: (text: string) => void;
  readonly #lines = new LineQueue();
  readonly #readline: Interface;
  readonly #stopInterrupts: () => void;

  constructor({ openInput, stdout, onInterrupt }: Pick<CliEnvironment, "openInput" | "stdout" | "onInterrupt">) {
    const input = openInput();
    this.isPerson = input.isTTY === true;
    this.#write = (text) => void stdout.write(text);
    this.#readline = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
    this.#readline.on("line", (line) => this.#lines.push(line));
    this.#readline.on("close", () => this.#lines.end());
    this.#stopInterrupts = onInterrupt(() => this.#lines.cut());
  }

  show(line: string): void {
    this.#write(`${line}\n`);
  }

  prompt(): void {
    // A pipe shows no prompt.
  }

  async ask(question: string): Promise<string | undefined> {
    this.#write(question);
    const line = await this.nextLine();
    // Nobody pressed Enter, so the question's line is not ended yet.
    if (!this.isPerson) this.#write("\n");
    return line;
  }

  get interrupted(): Promise<void> {
    return this.#lines.isCut;
  }

  nextLine(): Promise<string | undefined> {
    return this.#lines.next();
  }

  close(): void {
    this.#stopInterrupts();
    this.#readline.close();
  }
}
