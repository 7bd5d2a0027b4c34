import type { StateRow } from "./rows.ts";
import { type FoundWitness, isSameFile, type Progress } from "./witness.ts";

/** The expected state that a loaded history is compared with. */
export interface Expectation {
  /** The state in the file. Undefined if it is damaged. */
  readonly state: StateRow | undefined;
  /** The progress in the witness, if there is a valid one. */
  readonly witness: Progress | undefined;
  /** Why the file cannot be trusted, whatever its content. */
  readonly doubt: string | undefined;
}

/** Derives the expectation from the witnesses found in the directory. */
export function expect(state: StateRow | undefined, found: readonly FoundWitness[]): Expectation {
  const own = found.find(
    ({ identity, content }) => isSameFile(identity, state?.witness ?? "") && content?.runId === state?.runId,
  );
  return { state, witness: own?.content, doubt: doubtOf(state, found, own) };
}

/** The expectation for a new file, or one from a version without a witness. */
export function nothingExpected(state: StateRow = emptyState): Expectation {
  return { state, witness: undefined, doubt: undefined };
}

const emptyState: StateRow = { runId: "", witness: "", changes: 0, deleted: 0, lastRow: 0, savedAt: 0, savedWall: 0 };

function doubtOf(
  state: StateRow | undefined,
  found: readonly FoundWitness[],
  own: FoundWitness | undefined,
): string | undefined {
  if (state === undefined) return undefined; // LoadAudit reports this itself
  // A start-up that did not finish leaves the witness of the previous run next to its own.
  if (own?.isSettled === false) return undefined;
  const settled = found.filter(({ isSettled }) => isSettled);
  if (settled.length === 0) return "its witness is missing";
  if (settled.length > 1) return "it was restored from a copy over its own files";
  if (own !== undefined) return undefined;
  if (settled[0]?.content === undefined) return "its witness is damaged";
  return "it was restored from a copy, or moved to another file system";
}
