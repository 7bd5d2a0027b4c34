import {
  chmodSync,
  closeSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { checksumOf } from "./checksum.ts";
import { historyFileName } from "./open-database.ts";

/** How far a history has progressed. */
export interface Progress {
  /** The last row that a publication has. */
  readonly row: number;
  /** Transactions so far that did more than store publications. */
  readonly changes: number;
}

/** The content of a witness: the progress of one run of the server. */
export interface WitnessContent extends Progress {
  readonly runId: string;
}

/** A witness found at start-up. */
export interface FoundWitness {
  readonly name: string;
  /** False if the start-up that created it did not finish. */
  readonly isSettled: boolean;
  /** See `Witness.identity`. */
  readonly identity: string;
  /** Undefined if it is damaged. */
  readonly content: WitnessContent | undefined;
}

/**
 * The witness: a small file next to the history that records the last acknowledged position of the history. Start-up
 * compares the two. If the history is behind its witness, acknowledged publications are lost. If the witness is not the
 * file that the history names, or there are several, the directory was restored from a copy. In both cases the history may
 * lack offsets that were given out, so its channels begin new epochs. See docs/decisions/damaged-history.md.
 *
 * It is written after each transaction and before the answer, without waiting for the disk. So it is never ahead of an
 * intact history, even after a crash or a power cut.
 */
export class Witness {
  readonly #directory: string;
  #descriptor: number;
  readonly #runId: string;
  /** Inode and creation time of the file (0 if unknown). A restored copy has another identity. */
  readonly identity: string;
  #name: string;
  #count = 0;

  private constructor(directory: string, descriptor: number, runId: string) {
    this.#directory = directory;
    this.#descriptor = descriptor;
    this.#runId = runId;
    this.#name = unsettledName;
    this.identity = identityOf(this.path, hasBirthTime(join(directory, historyFileName)));
  }

  /** Creates the witness of a new run. It is valid once the history names it and `settle` has been called. */
  static make(directory: string, content: WitnessContent): Witness {
    const path = join(directory, unsettledName);
    rmSync(path, { force: true });
    const witness = new Witness(directory, openSync(path, "wx", 0o600), content.runId);
    for (let slot = 0; slot < slots; slot++) witness.write(content);
    fsyncSync(witness.#descriptor);
    syncDirectory(directory);
    return witness;
  }

  /** All witnesses in a directory. */
  static find(directory: string): readonly FoundWitness[] {
    const entries = readdirSync(directory, { withFileTypes: true }).filter((it) => it.isFile());
    const names = entries.map(({ name }) => name).filter((name) => name === unsettledName || settledName.test(name));
    return names.map((name) => {
      const path = join(directory, name);
      const content = parse(readFileSync(path, "latin1"));
      return { name, isSettled: name !== unsettledName, identity: identityOf(path, true), content };
    });
  }

  get path(): string {
    return join(this.#directory, this.#name);
  }

  /** Makes this the only witness: removes those found at start-up. */
  settle(found: readonly FoundWitness[]): void {
    for (const { name, isSettled } of found) if (isSettled) rmSync(join(this.#directory, name), { force: true });
    this.rename();
  }

  write({ row, changes }: Progress): void {
    this.#count++;
    const text = `${this.#count} ${this.#runId} ${row} ${changes}`;
    // The text only grows, so it overwrites all of the previous one.
    writeSync(this.#descriptor, `${text} ${checksumOf(text)}\n`, (this.#count % slots) * slotDistance, "latin1");
  }

  /**
   * Gives it a name never used before. If a copy of the directory is restored over the current files, it brings a witness
   * with the old name, and then there are two.
   */
  rename(): void {
    const name = `history.witness-${Buffer.from(crypto.getRandomValues(new Uint8Array(6))).toString("hex")}`;
    const isLocked = process.platform === "win32"; // Windows cannot rename an open file
    if (isLocked) closeSync(this.#descriptor);
    renameSync(this.path, join(this.#directory, name));
    this.#name = name;
    if (isLocked) this.#descriptor = openSync(this.path, "r+");
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

/** Two slots, written in turn and a disk sector apart, so that a power cut during a write leaves the other one intact. */
const slots = 2;
const slotDistance = 4096;
const slotBytes = 128;

const unsettledName = "history.witness-new";
const settledName = /^history\.witness-[0-9a-f]{12}$/;

function parse(text: string): WitnessContent | undefined {
  const found = Array.from({ length: slots }, (_, slot) =>
    parseSlot(text.slice(slot * slotDistance).slice(0, slotBytes)),
  );
  // A damaged slot may have been the newer one, so both must be intact.
  const whole = found.filter((it) => it !== undefined);
  if (whole.length < slots) return undefined;
  return whole.reduce((one, other) => (one.count > other.count ? one : other));
}

function parseSlot(text: string): (WitnessContent & { readonly count: number }) | undefined {
  const match = /^((\d{1,16}) (\S{1,40}) (\d{1,16}) (\d{1,16})) (\d{1,10})\n/.exec(text);
  if (match === null || checksumOf(match[1] ?? "") !== Number(match[6])) return undefined;
  return { count: Number(match[2]), runId: match[3] ?? "", row: Number(match[4]), changes: Number(match[5]) };
}

/** `9994542:1795885959107422361` */
function identityOf(path: string, withBirthTime: boolean): string {
  const { ino, birthtimeNs } = statSync(path, { bigint: true });
  return `${ino}:${withBirthTime ? birthtimeNs : 0}`;
}

/** Whether two identities name the same file. Creation times are compared if both are known. */
export function isSameFile(one: string, other: string): boolean {
  const [[ino, born], [otherIno, otherBorn]] = [one.split(":"), other.split(":")];
  return ino === otherIno && (born === otherBorn || born === "0" || otherBorn === "0");
}

/**
 * Whether the file system records creation times. Some report the time of the last change instead, which a rename or a new
 * owner changes. To find out, this sets the permissions of the history's file to their present value and compares the
 * times. It repeats this until the clock of the file system has advanced, which takes a few milliseconds for a new file.
 */
function hasBirthTime(path: string): boolean {
  const before = statSync(path, { bigint: true });
  for (let tries = 0; tries < 20; tries++) {
    chmodSync(path, Number(before.mode) & 0o7777);
    const after = statSync(path, { bigint: true });
    if (after.ctimeNs !== before.ctimeNs) return after.birthtimeNs === before.birthtimeNs && after.birthtimeNs > 0n;
    Bun.sleepSync(1);
  }
  return false;
}

function syncDirectory(directory: string): void {
  if (process.platform === "win32") return; // a directory cannot be opened there
  const descriptor = openSync(directory, "r");
  fsyncSync(descriptor);
  closeSync(descriptor);
}
