import type { LifeRow } from "./rows.ts";
import { type FoundWitness, isSameFile, type Progress } from "./witness.ts";

/** What a load is to be compared with. */
export interface Expectation {
  /** As the file has it; undefined where that is damaged. */
  readonly life: LifeRow | undefined;
  /** As the witness has it, if there is one to be believed. */
  readonly witness: Progress | undefined;
  /** Why the file is not to be believed, whatever stands in it. */
  readonly doubt: string | undefined;
}

/** What the witnesses found in the directory make of a history. */
export function expect(life: LifeRow | undefined, found: readonly FoundWitness[]): Expectation {
  const own = found.find(
    ({ identity, testimony }) => isSameFile(identity, life?.witness ?? "") && testimony?.life === life?.life,
  );
  return { life, witness: own?.testimony, doubt: doubtOf(life, found, own) };
}

/** Of a file that was made just now, or by a version that had no witness. */
export function nothingExpected(life: LifeRow = unlived): Expectation {
  return { life, witness: undefined, doubt: undefined };
}

const unlived: LifeRow = { life: "", witness: "", changes: 0, deleted: 0, lastRow: 0, savedAt: 0, savedWall: 0 };

function doubtOf(
  life: LifeRow | undefined,
  found: readonly FoundWitness[],
  own: FoundWitness | undefined,
): string | undefined {
  if (life === undefined) return undefined; // which is doubt enough
  // A start that ended before it was done leaves the witness of the life before it beside its own.
  if (own?.isSettled === false) return undefined;
  const settled = found.filter(({ isSettled }) => isSettled);
  if (settled.length === 0) return "its witness is missing";
  if (settled.length > 1) return "it was put back from a copy over its own files";
  if (own !== undefined) return undefined;
  if (settled[0]?.testimony === undefined) return "its witness is damaged";
  return "it was put back from a copy, or moved to another file system";
}
