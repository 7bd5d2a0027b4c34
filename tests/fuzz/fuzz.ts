import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { mutate, type Random } from "./mutate.ts";
import type { FuzzTarget } from "./target.ts";

const folder = join(import.meta.dir, "corpus");

/** An input that broke a property. */
export class Finding extends Error {
  override readonly name = "Finding";
  readonly input: string;

  constructor(target: string, input: string, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(`${target}: ${reason}; the input: ${JSON.stringify(input)}`, { cause });
    this.input = input;
  }
}

/** The stored inputs of a target: each had an answer of another kind. One JSON string per line. */
export function readCorpus(target: string): readonly string[] {
  const path = pathOf(target);
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, "utf8").split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as string);
}

/** Sorted, so that changes are easy to review. */
export function writeCorpus(target: string, inputs: readonly string[]): void {
  const lines = inputs
    .map((input) => JSON.stringify(input))
    .toSorted((a, b) => a.length - b.length || (a < b ? -1 : 1));
  writeFileSync(pathOf(target), lines.map((line) => `${line}\n`).join(""));
}

/** Fuzzes one target: inputs whose answer is of a new kind are kept, and mutated further. */
export class Fuzzer {
  readonly #target: FuzzTarget;
  readonly #random: Random;
  /** The shortest input for each kind of answer. */
  readonly #byKind = new Map<string, string>();
  runs = 0;

  constructor(target: FuzzTarget, random: Random) {
    this.#target = target;
    this.#random = random;
  }

  get kinds(): number {
    return this.#byKind.size;
  }

  get corpus(): readonly string[] {
    return [...this.#byKind.values()];
  }

  /** Feeds what is stored. @throws Finding */
  async replay(inputs: readonly string[]): Promise<void> {
    for (const input of [...this.#target.seeds, ...inputs]) await this.#feed(input);
  }

  /** Feeds mutations until `isOver`. @throws Finding */
  async run(isOver: () => boolean): Promise<void> {
    let corpus = this.corpus;
    while (!isOver()) {
      if (corpus.length !== this.kinds) corpus = this.corpus;
      const input = corpus[Math.floor(this.#random() * corpus.length)] ?? "";
      await this.#feed(mutate(input, { words: this.#target.words, corpus }, this.#random));
    }
  }

  async #feed(input: string): Promise<void> {
    this.runs++;
    let kind: string;
    try {
      kind = await this.#target.run(input);
    } catch (error) {
      throw new Finding(this.#target.name, input, error);
    }
    const known = this.#byKind.get(kind);
    if (known === undefined || input.length < known.length) this.#byKind.set(kind, input);
  }
}

function pathOf(target: string): string {
  return join(folder, `${target}.jsonl`);
}
