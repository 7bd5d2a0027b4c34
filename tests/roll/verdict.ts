import type { SteadyPublisher } from "./publisher.ts";
import type { Subscriber, SubscriberRecord } from "./subscriber.ts";

/** The counts of a run. */
export interface Counts {
  /** Acknowledged messages that a subscriber that resumes did not receive. */
  readonly lost: number;
  /** Messages that a subscriber received more than once. */
  readonly doubled: number;
  /** Messages that a subscriber received after a later one of the same publisher. */
  readonly reordered: number;
  /** Messages that retries with the same id could not publish. */
  readonly unpublished: number;
  /** Notices and presence events. During a run nobody joins or leaves. */
  readonly notices: number;
  /** The first of them, each with the seconds since the start of this program. */
  readonly firstNotices: readonly string[];
  /** Subscribers that were told of missing messages. */
  readonly gaps: number;
  /** WebSockets that ended without a clean close by the server: codes other than 1000 and 1012. */
  readonly unclean: number;
  /** EventSources that do not reconnect any more. */
  readonly dead: number;
  /** Anything else that contradicts the guarantees. */
  readonly faults: readonly string[];
}

/** A time in which notices are expected. */
export interface Disturbance {
  readonly from: number;
  readonly to: number;
  /** `fault`: something was done to the server, such as killing a worker. `guest`: other clients joined or left. */
  readonly kind: "fault" | "guest";
}

const cleanCodes: readonly (number | undefined)[] = [1000, 1012, undefined];

/** Compares what the subscribers received with what was acknowledged. */
export function judge(
  subscribers: readonly Subscriber[],
  publishers: readonly SteadyPublisher[],
  disturbances: readonly Disturbance[] = [],
): Counts {
  const acknowledged = publishers.flatMap((it) => it.acknowledged);
  const isWithin = (at: number, its: readonly Disturbance[]) => its.some(({ from, to }) => at >= from && at <= to);
  const faulty = disturbances.filter(({ kind }) => kind === "fault");
  const faults: string[] = [];
  const texts = new Map<string, string>();
  const firstNotices = new Set<string>();
  let [lost, doubled, reordered, notices, gaps, unclean] = [0, 0, 0, 0, 0, 0];
  for (const { kind, record } of subscribers) {
    const received = new Set(record.messages.map(({ text }) => text));
    if (kind !== "unaware") {
      lost += acknowledged.filter((text) => !received.has(text)).length;
      gaps += record.gaps.length > 0 ? 1 : 0;
      faults.push(...holesIn(record));
    }
    // A client without a position may get its last message again from a worker that receives it a little later.
    if (kind !== "unaware") doubled += record.messages.length - received.size;
    if (kind !== "unaware") reordered += countReordered(record);
    faults.push(...contradictionsIn(record, texts));
    const unexpected = record.notices.filter(({ at }) => !isWithin(at, disturbances));
    notices += unexpected.length;
    for (const { at, text } of unexpected) firstNotices.add(`${text} at ${Math.round(at / 1000)} s`);
    unclean += record.endings.filter(({ at, code }) => !cleanCodes.includes(code) && !isWithin(at, faulty)).length;
  }
  const unpublished = publishers.reduce((sum, it) => sum + it.unpublished.length, 0);
  const dead = subscribers.filter(({ record }) => record.isDead).length;
  const examples = { firstNotices: [...firstNotices].slice(0, 8), faults: faults.slice(0, 10) };
  return { lost, doubled, reordered, unpublished, notices, gaps, unclean, dead, ...examples };
}

/** Offsets must grow by exactly 1, in one epoch. */
function holesIn({ name, messages }: SubscriberRecord): readonly string[] {
  const faults: string[] = [];
  for (const [index, { offset, epoch }] of messages.entries()) {
    const before = messages[index - 1];
    if (before === undefined || offset === undefined || before.offset === undefined) continue;
    if (epoch !== before.epoch) faults.push(`${name}: epoch ${epoch} after ${before.epoch}`);
    else if (offset !== before.offset + 1) faults.push(`${name}: offset ${offset} after ${before.offset}`);
  }
  return faults;
}

/** The same position must be the same message for all subscribers. */
function contradictionsIn({ name, messages }: SubscriberRecord, texts: Map<string, string>): readonly string[] {
  const faults: string[] = [];
  for (const { offset, epoch, text } of messages) {
    if (offset === undefined) continue;
    const position = `${epoch}:${offset}`;
    const known = texts.get(position);
    if (known === undefined) texts.set(position, text);
    else if (known !== text) faults.push(`${name}: ${position} is ${text}, and ${known} for another`);
  }
  return faults;
}

function countReordered({ messages }: SubscriberRecord): number {
  const highest = new Map<string, number>();
  let count = 0;
  for (const { text } of messages) {
    const [publisher = "", number = ""] = text.split(":");
    if (Number(number) < (highest.get(publisher) ?? -1)) count++;
    highest.set(publisher, Math.max(highest.get(publisher) ?? -1, Number(number)));
  }
  return count;
}

/** The most events in any second. */
export function peakPerSecond(times: readonly number[]): number {
  const sorted = times.toSorted((a, b) => a - b);
  let most = 0;
  for (let from = 0, to = 0; to < sorted.length; to++) {
    while ((sorted[to] ?? 0) - (sorted[from] ?? 0) >= 1000) from++;
    most = Math.max(most, to - from + 1);
  }
  return most;
}
