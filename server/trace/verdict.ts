import type { ConnectionFacts, MembershipFacts, TracedPublication } from "./facts.ts";
import type { Coverage, Gap, Note } from "./records.ts";

/** Every answer to "did this publication reach this connection?", and its meaning. */
export const verdictTable = {
  drained: "It was sent, and nothing is buffered in the server.",
  sent: "It was sent, but the client reads slowly, and some bytes are still buffered in the server.",
  pending: "This worker has it and sends it with the next flush.",
  lagging: "The connection is behind and is being sent earlier publications first.",
  "not-arrived": "The connection's worker has not received it from the broker yet.",
  excluded: "The publisher excluded this connection.",
  gap: "The client was told by a gap that it cannot receive it any more.",
  "joined-later": "The connection joined the channel after it and did not request earlier publications.",
  "resumed-after": "The client resumed from this position or a later one, which means that it already has it.",
  "other-epoch": "The channel's offsets have started again since.",
  left: "The connection left the channel before it.",
  "sent-before-leaving": "It was sent before the connection left the channel.",
  refused: "The connection's subscription to the channel was refused.",
  "not-subscribed": "The connection never subscribed to the channel.",
  "sent-before-end": "It was sent before the connection ended.",
  gone: "The connection had ended before it.",
} as const;

export type Verdict = keyof typeof verdictTable;

/** A verdict, and the facts that it is based on. */
export type Finding =
  | { readonly verdict: "drained" | "pending" | "not-arrived"; readonly membership: MembershipFacts }
  | { readonly verdict: "sent" | "lagging"; readonly membership: MembershipFacts }
  | { readonly verdict: "joined-later" | "resumed-after"; readonly membership: MembershipFacts }
  | { readonly verdict: "gap"; readonly gap: Gap | undefined }
  | { readonly verdict: "left" | "sent-before-leaving"; readonly note: Extract<Note, { kind: "left" }> }
  | { readonly verdict: "refused"; readonly note: Extract<Note, { kind: "refused" }> }
  | { readonly verdict: "gone" | "sent-before-end"; readonly coverage: Coverage | undefined }
  | { readonly verdict: "excluded" | "other-epoch" | "not-subscribed" };

/** Decides by the cursors if they are sufficient, otherwise by the notes. */
export function judge(publication: TracedPublication, facts: ConnectionFacts): Finding {
  if (publication.excluded === facts.connection) return { verdict: "excluded" };
  const { membership, ended } = facts;
  if (membership !== undefined) return judgeMember(publication, facts, membership);
  const earlier = judgeEarlier(publication, facts.notes);
  if (earlier !== undefined) return earlier;
  if (ended === undefined) return { verdict: "not-subscribed" };
  const { coverage } = ended;
  if (coverage === undefined) return { verdict: "gone", coverage };
  if (coverage.epoch !== publication.epoch) return { verdict: "other-epoch" };
  const gap = gapOf(publication, facts);
  if (gap !== undefined) return { verdict: "gap", gap };
  return { verdict: covers(coverage, publication) ? "sent-before-end" : "gone", coverage };
}

function judgeMember(publication: TracedPublication, facts: ConnectionFacts, membership: MembershipFacts): Finding {
  const { offset, epoch } = publication;
  const { after, cursor, flushed, head, recovered } = membership;
  if (membership.epoch !== epoch) return { verdict: "other-epoch" };
  const gap = gapOf(publication, facts);
  if (gap !== undefined) return { verdict: "gap", gap };
  if (offset <= after) {
    // It may have been in the channel before, left, and rejoined.
    const earlier = judgeEarlier(publication, facts.notes);
    if (earlier?.verdict === "sent-before-leaving") return earlier;
    if (recovered === false) return { verdict: "gap", gap: undefined };
    return { verdict: recovered === true ? "resumed-after" : "joined-later", membership };
  }
  if (offset <= cursor) return { verdict: facts.bufferedBytes === 0 ? "drained" : "sent", membership };
  if (offset <= flushed) return { verdict: "lagging", membership };
  return { verdict: offset <= head ? "pending" : "not-arrived", membership };
}

/** The verdict for a channel that the connection has left or was refused. Its latest note decides. */
function judgeEarlier(publication: TracedPublication, notes: readonly Note[]): Finding | undefined {
  for (const note of notes.toReversed()) {
    if (note.kind === "refused") return { verdict: "refused", note };
    if (note.kind !== "left" || note.epoch !== publication.epoch) continue;
    if (covers(note, publication)) return { verdict: "sent-before-leaving", note };
    if (publication.offset > note.cursor) return { verdict: "left", note };
  }
  return undefined;
}

function gapOf({ offset, epoch }: TracedPublication, { notes, gaps, membership }: ConnectionFacts): Gap | undefined {
  const contains = (gap: Gap) => gap.epoch === epoch && gap.from <= offset && offset <= gap.to;
  for (const note of notes) if (note.kind === "gap" && contains(note)) return note;
  // Clients that join later do not receive it.
  return gaps.find((gap) => contains(gap) && (membership === undefined || membership.joinedTime <= gap.at));
}

function covers({ after, cursor }: Coverage, { offset }: TracedPublication): boolean {
  return after < offset && offset <= cursor;
}
