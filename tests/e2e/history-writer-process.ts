import type { Subprocess } from "bun";

/** A message that the writer knows to be stored. */
export interface Acknowledged {
  readonly channel: string;
  readonly epoch: string;
  readonly offset: number;
  readonly id: string;
}

/** A running history-writer.ts and its output. */
export class HistoryWriter {
  readonly #lines: string[] = [];
  readonly #counts = new Map<string, number>();
  readonly #child: Subprocess<"ignore", "pipe", "inherit">;
  readonly #ended: Promise<void>;
  #wake: () => void = () => {};

  /** @param before The words in front of the command, such as a shell that sets limits. */
  constructor(directory: string, name: string, { before = [], size = 100 }: WriterOptions = {}) {
    const script = `${import.meta.dir}/history-writer.ts`;
    const args = ["--no-env-file", script, "--directory", directory, "--name", name, "--size", String(size)];
    this.#child = Bun.spawn([...before, process.execPath, ...args], { stdio: ["ignore", "pipe", "inherit"] });
    this.#ended = this.#read();
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Resolves once it has printed this many lines that begin with a word, or has exited. @returns whether it printed them */
  async until(word: string, count = 1): Promise<boolean> {
    let hasEnded = false;
    const ended = this.#ended.then(() => {
      hasEnded = true;
    });
    const printed = () => this.#counts.get(word) ?? 0;
    while (printed() < count && !hasEnded) {
      await Promise.race([ended, new Promise<void>((resolve) => (this.#wake = resolve))]);
    }
    return printed() >= count;
  }

  linesOf(word: string): readonly string[] {
    return this.#lines.filter((line) => line.startsWith(`${word} `) || line === word);
  }

  acknowledged(): readonly Acknowledged[] {
    return this.linesOf("stored").map((line) => {
      const [, channel = "", epoch = "", offset = "", id = ""] = line.split(" ");
      return { channel, epoch, offset: Number(offset), id };
    });
  }

  /** Resolves when all its output has been read. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#ended;
  }

  async #read(): Promise<void> {
    let rest = "";
    for await (const chunk of this.#child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.#take(line);
      this.#wake();
    }
    await this.#child.exited;
  }

  #take(line: string): void {
    const word = line.split(" ", 1)[0] ?? "";
    this.#lines.push(line);
    this.#counts.set(word, (this.#counts.get(word) ?? 0) + 1);
  }
}

interface WriterOptions {
  readonly before?: readonly string[];
  /** The length of a message in characters. */
  readonly size?: number;
}
