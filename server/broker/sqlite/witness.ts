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

/** How far a history has come. */
export interface Progress {
  /** The last row that was given to a publication. */
  readonly row: number;
  /** Transactions so far that did more than store publications. */
  readonly changes: number;
}

/** What a witness says, and about which life of the history. */
export interface Testimony extends Progress {
  readonly life: string;
}

/** A witness as a start finds it. */
export interface FoundWitness {
  readonly name: string;
  /** Not so where the start that made it ended too early. */
  readonly isSettled: boolean;
  /** See `Witness.identity`. */
  readonly identity: string;
  /** Undefined if some of it is damaged. */
  readonly testimony: Testimony | undefined;
}

/**
 * The witness: a small file beside the history that says how far it was acknowledged. A start compares the two. Where the
 * history is behind its witness, something that was acknowledged is lost; where the witness is another file than the history
 * remembers, or there are several of them, the directory was put back from a copy. Either way numbers may have been given
 * out that the history knows nothing of, and its channels begin new epochs. See docs/decisions/damaged-history.md.
 *
 * It is written after each transaction and before its answer, without waiting for the disk: so it is never ahead of a history
 * that is whole, however the process or the machine ends.
 */
export class Witness {
  readonly #directory: string;
  #descriptor: number;
  readonly #life: string;
  /** A copy that is put back has another one: the number of the file, and when it was made (0 where that is not known). */
  readonly identity: string;
  #name: string;
  #count = 0;

  private constructor(directory: string, descriptor: number, life: string) {
    this.#directory = directory;
    this.#descriptor = descriptor;
    this.#life = life;
    this.#name = unsettledName;
    this.identity = identityOf(this.path, hasBirthTime(join(directory, historyFileName)));
  }

  /** Makes the witness of a new life, which counts once the history names it and `settle` was called. */
  static make(directory: string, testimony: Testimony): Witness {
    const path = join(directory, unsettledName);
    rmSync(path, { force: true });
    const witness = new Witness(directory, openSync(path, "wx", 0o600), testimony.life);
    for (let slot = 0; slot < slots; slot++) witness.write(testimony);
    fsyncSync(witness.#descriptor);
    syncDirectory(directory);
    return witness;
  }

  /** All that there are in a directory. */
  static find(directory: string): readonly FoundWitness[] {
    const names = readdirSync(directory).filter((name) => name === unsettledName || settledName.test(name));
    return names.map((name) => {
      const path = join(directory, name);
      const testimony = parse(readFileSync(path, "latin1"));
      return { name, isSettled: name !== unsettledName, identity: identityOf(path, true), testimony };
    });
  }

  get path(): string {
    return join(this.#directory, this.#name);
  }

  /** The only one from now on: those found at the start are removed. */
  settle(found: readonly FoundWitness[]): void {
    for (const { name, isSettled } of found) if (isSettled) rmSync(join(this.#directory, name), { force: true });
    this.rename();
  }

  write({ row, changes }: Progress): void {
    this.#count++;
    const said = `${this.#count} ${this.#life} ${row} ${changes}`;
    // It only grows, so nothing is left of what stood there before.
    writeSync(this.#descriptor, `${said} ${checksumOf(said)}\n`, (this.#count % slots) * slotDistance, "latin1");
  }

  /**
   * Gives it a name never used before. A copy of the directory that is put back over the present files brings the name that
   * the witness had when it was copied, and then there are two of them.
   */
  rename(): void {
    const name = `history.witness-${Buffer.from(crypto.getRandomValues(new Uint8Array(6))).toString("hex")}`;
    const isLocked = process.platform === "win32"; // which renames no file that is open
    if (isLocked) closeSync(this.#descriptor);
    renameSync(this.path, join(this.#directory, name));
    this.#name = name;
    if (isLocked) this.#descriptor = openSync(this.path, "r+");
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

/** Two, written in turn and a disk sector apart, so that a power cut while one is written leaves the other. */
const slots = 2;
const slotDistance = 4096;
const slotBytes = 128;

const unsettledName = "history.witness-new";
const settledName = /^history\.witness-[0-9a-f]{12}$/;

function parse(text: string): Testimony | undefined {
  const found = Array.from({ length: slots }, (_, slot) =>
    parseSlot(text.slice(slot * slotDistance).slice(0, slotBytes)),
  );
  // A slot that was written is whole unless the file is damaged, and then nobody knows what stood in it.
  const whole = found.filter((it) => it !== undefined);
  if (whole.length < slots) return undefined;
  return whole.reduce((one, other) => (one.count > other.count ? one : other));
}

function parseSlot(text: string): (Testimony & { readonly count: number }) | undefined {
  const match = /^((\d{1,16}) (\S{1,40}) (\d{1,16}) (\d{1,16})) (\d{1,10})\n/.exec(text);
  if (match === null || checksumOf(match[1] ?? "") !== Number(match[6])) return undefined;
  return { count: Number(match[2]), life: match[3] ?? "", row: Number(match[4]), changes: Number(match[5]) };
}

/** `9994542:1795885959107422361` */
function identityOf(path: string, withBirthTime: boolean): string {
  const { ino, birthtimeNs } = statSync(path, { bigint: true });
  return `${ino}:${withBirthTime ? birthtimeNs : 0}`;
}

/** Whether two identities are of one file; the time counts where both know it. */
export function isSameFile(one: string, other: string): boolean {
  const [[ino, born], [otherIno, otherBorn]] = [one.split(":"), other.split(":")];
  return ino === otherIno && (born === otherBorn || born === "0" || otherBorn === "0");
}

/**
 * Where a file system does not know when a file was made, the time of its last change may be given instead, which a new name
 * or owner changes. So the history's own file is changed (it gets the permissions that it has) to see which times move; one
 * that was made just now is changed again until the clock of the file system has moved, which takes some milliseconds.
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
