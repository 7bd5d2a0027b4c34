import type { ConnectionFacts, MembershipFacts, TracedPublication } from "./facts.ts";
import type { Gap } from "./records.ts";
import { type Finding, judge, type Verdict } from "./verdict.ts";

/** Whether a publication reached one connection, as a sentence. */
export interface Explanation {
  readonly verdict: Verdict;
  /** One sentence for people. */
  readonly sentence: string;
}

/** Explains to a person whether a publication reached one connection, and why not. */
export function explain(publication: TracedPublication, facts: ConnectionFacts): Explanation {
  const finding = judge(publication, facts);
  return { verdict: finding.verdict, sentence: `${subjectOf(facts)} ${predicate(finding, publication, facts)}.` };
}

function subjectOf({ connection, user }: ConnectionFacts): string {
  return user === undefined ? connection : `${connection} of ${user}`;
}

function predicate(finding: Finding, publication: TracedPublication, facts: ConnectionFacts): string {
  const { channel, offset } = publication;
  switch (finding.verdict) {
    case "drained":
      return `was sent offset ${offset}, and nothing is buffered in the server: all bytes are on their way to the client`;
    case "sent":
      return `was sent offset ${offset}, but its client reads slowly: ${facts.bufferedBytes} bytes are still buffered in the server`;
    case "lagging":
      return lagging(finding.membership, facts);
    case "pending":
      return `gets offset ${offset} with the next flush, within milliseconds`;
    case "not-arrived":
      return `is connected to a worker that has received ${channel} only up to offset ${finding.membership.head}; it fetches the rest`;
    case "excluded":
      return "was excluded by the publisher (it may be its own connection, with echo off)";
    case "gap":
      return `was told by a gap that it cannot receive offset ${offset}${reasonOf(finding.gap)}`;
    case "joined-later":
      return `joined ${channel} at ${text(finding.membership.joinedTime)}, after offset ${finding.membership.after}, and did not request earlier ones`;
    case "resumed-after":
      return `continued ${channel} after offset ${finding.membership.after}, so its client already has offset ${offset}`;
    case "other-epoch":
      return `cannot be compared: the offsets of ${channel} have started again since (another epoch)`;
    case "left":
      return `left ${channel} at ${text(finding.note.at)} ${cause(finding.note.by)}, when it had been sent up to offset ${finding.note.cursor}`;
    case "sent-before-leaving":
      return `was sent offset ${offset} before it left ${channel} at ${text(finding.note.at)} ${cause(finding.note.by)}`;
    case "refused":
      return `subscribed to ${channel} at ${text(finding.note.at)} and was refused (${finding.note.code}): ${finding.note.reason}`;
    case "not-subscribed":
      return notSubscribed(channel, facts);
    case "gone":
    case "sent-before-end":
      return ended(finding, publication, facts);
  }
}

function lagging({ cursor, flushed }: MembershipFacts, { isFull, bufferedBytes }: ConnectionFacts): string {
  const why = isFull
    ? `its client reads too slowly (${bufferedBytes} bytes are buffered)`
    : "it is being sent the history";
  return `is behind: it was sent up to offset ${cursor} of ${flushed}, because ${why}`;
}

function notSubscribed(channel: string, { forbidden, rule }: ConnectionFacts): string {
  const never = `is connected but never subscribed to ${channel}`;
  if (rule.subscribe === "hook") return `${never}; the application decides whether it may (subscribe: hook)`;
  if (forbidden === undefined) return `${never}; it may subscribe to it`;
  const which = rule.match === undefined ? "the default" : `the channel rule ${JSON.stringify(rule.match)}`;
  return `${never}, and ${which} (subscribe: ${rule.subscribe}) would refuse it: ${forbidden}`;
}

function ended(
  { verdict, coverage }: Extract<Finding, { verdict: "gone" | "sent-before-end" }>,
  { channel, offset }: TracedPublication,
  { ended: end }: ConnectionFacts,
): string {
  const how = end?.closed === undefined ? "its client left or the network broke" : `closed: ${end.closed}`;
  const when = `ended at ${text(end?.at ?? 0)} (${how})`;
  if (verdict === "sent-before-end") {
    if (end?.closed === "no-pong")
      return `${when}: offset ${offset} was sent, but its client may have been gone already`;
    const rest = end?.wasFull === true ? "; its socket was full, so the last bytes may not have left the server" : "";
    return `was sent offset ${offset} before it ${when}${rest}`;
  }
  if (coverage === undefined) return `${when} and was not in ${channel}`;
  return `${when} when it had been sent ${channel} up to offset ${coverage.cursor}; a client that resumes gets the rest`;
}

function cause(by: "client" | "token"): string {
  return by === "client" ? "at its own request" : "because its new token does not allow it";
}

function reasonOf(gap: Gap | undefined): string {
  if (gap === undefined) return ": the history did not reach back to its position";
  if (gap.reason === "epoch-changed") return ": the channel started again in a new epoch";
  return `: offsets ${gap.from} to ${gap.to} were no longer in the history`;
}

function text(time: number): string {
  return `${new Date(time).toISOString().slice(0, 19)}Z`;
}
