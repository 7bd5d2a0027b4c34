import { linkSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ChannelName } from "../../protocol/channel-name.ts";
import type { HistoryRules } from "../../server/broker/log.ts";
import { defaultLogLimits } from "../../server/broker/log-limits.ts";
import { openHistory } from "../../server/broker/sqlite/open-history.ts";
import { parseBody } from "../../server/broker/sqlite/stored-body.ts";

export type ImageFile = "history.sqlite" | "history.sqlite-wal" | "witness";

/** A publication that was acknowledged. */
export interface KnownMessage {
  readonly channel: ChannelName;
  readonly epoch: string;
  readonly offset: number;
  readonly id: string;
  readonly message: string;
}

const runs = 3;
const rules: HistoryRules = { historySize: 40, historyTtl: 86_400_000, historyBytes: 1_000_000 };

/**
 * The files of a closed history, and everything that it acknowledged. The files can be restored again and again. The witness
 * is restored as the same inode (by a hard link), because a copy of it would be detected as such.
 */
export class HistoryImage {
  readonly directory: string;
  readonly known: readonly KnownMessage[];
  readonly #kept: string;
  readonly #files: ReadonlyMap<string, Uint8Array>;

  private constructor(directory: string, known: readonly KnownMessage[]) {
    this.directory = directory;
    this.known = known;
    this.#kept = `${directory}-kept`;
    this.#files = new Map(
      readdirSync(directory).map((name) => [name, Uint8Array.from(readFileSync(join(directory, name)))]),
    );
    mkdirSync(this.#kept);
    const witness = this.#nameOf("witness");
    linkSync(join(directory, witness), join(this.#kept, witness));
  }

  /** @param end How its process ended. If it was killed, there is a write-ahead log. If it was stopped, everything is in the database file. */
  static make(directory: string, end: "killed" | "stopped", random: () => number): HistoryImage {
    const known: KnownMessage[] = [];
    for (let run = 0; run < runs; run++) {
      const archive = openHistory(directory, defaultLogLimits, { now: run * 1000, wall: run * 1000 });
      for (let transaction = 0; transaction < 30; transaction++) {
        const now = run * 1000 + transaction;
        const entries = Array.from({ length: 1 + Math.floor(random() * 12) }, () => draftOf(known.length, random));
        const [placed = []] = archive.append([{ verb: "append", entries, now, wall: now }], now);
        for (const [at, it] of placed.entries()) {
          const draft = entries[at]?.draft;
          if (it.outcome !== "stored" || draft === undefined) throw new Error("it was not stored");
          known.push({ ...draft, id: it.id, epoch: it.epoch, offset: it.offset });
        }
        if (transaction % 20 === 0) archive.sweep(now, now);
      }
      const isLast = run === runs - 1;
      const killed = isLast && end === "killed" ? new HistoryImage(directory, known) : undefined;
      archive.close(run * 1000 + 500, run * 1000 + 500);
      if (killed !== undefined) return killed;
    }
    return new HistoryImage(directory, known);
  }

  get channels(): ReadonlySet<ChannelName> {
    return new Set(this.known.map(({ channel }) => channel));
  }

  /** Restores all files. */
  restore(): void {
    for (const name of readdirSync(this.directory)) rmSync(join(this.directory, name));
    for (const [name, bytes] of this.#files) {
      if (isWitness(name)) linkSync(join(this.#kept, name), join(this.directory, name));
      writeFileSync(join(this.directory, name), bytes);
    }
  }

  /** @returns a description of the damage, for messages */
  damage(file: ImageFile, apply: (bytes: Uint8Array) => Uint8Array): string {
    const name = this.#nameOf(file);
    const before = this.#files.get(name) ?? new Uint8Array();
    const after = apply(before.slice());
    writeFileSync(join(this.directory, name), after);
    const first = after.findIndex((byte, at) => byte !== before[at]);
    return `from byte ${first < 0 ? after.length : first} of ${before.length}`;
  }

  close(): void {
    rmSync(this.directory, { recursive: true });
    rmSync(this.#kept, { recursive: true });
  }

  #nameOf(file: string): string {
    const name = Array.from(this.#files.keys()).find((it) => (file === "witness" ? isWitness(it) : it === file));
    if (name === undefined) throw new Error(`the history has no file ${file}`);
    return name;
  }
}

/** The text in a stored body. */
export function messageOf(body: string): string | undefined {
  return parseBody(body).message;
}

export { rules as imageRules };

function isWitness(name: string): boolean {
  return name.startsWith("history.witness");
}

let drafts = 0;
function draftOf(number: number, random: () => number) {
  const channel = `channel-${Math.floor(random() * 7)}` as ChannelName;
  const id = `id-${number}-${drafts++}`;
  return { draft: { channel, id, message: `${id} ${"x".repeat(Math.floor(random() ** 4 * 6000))}` }, rules };
}
