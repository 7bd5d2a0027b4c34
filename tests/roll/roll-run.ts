import { until } from "../waiting.ts";
import { BrowserSubscribers } from "./browser-subscribers.ts";
import type { Driver } from "./driver.ts";
import { EventSourceSubscriber } from "./event-source-subscriber.ts";
import { OwnSubscriber } from "./own-subscriber.ts";
import { SteadyPublisher } from "./publisher.ts";
import { SocketSubscriber } from "./socket-subscriber.ts";
import { StuckReader } from "./stuck-reader.ts";
import type { Subscriber } from "./subscriber.ts";
import { type Counts, type Disturbance, judge, peakPerSecond } from "./verdict.ts";

/** When no subscriber has received a notice for this long, none follows any more. Milliseconds. */
const quietMs = 4500;
const pollMs = 500;
/** A guest's join may be announced this long before it has connected here, milliseconds. */
const guestMs = 1000;
/** Time between two rolls, so that a peak of closes belongs to one roll. Milliseconds. */
const restMs = 1500;
/** How long messages may take to arrive at the end of a run, milliseconds. */
const settleMs = 90_000;

/** The plan of a run. */
export interface RollPlan {
  readonly driver: Driver;
  /** How many subscribers of each kind. */
  readonly each: number;
  /** Whether the EventSources are those of a real browser. */
  readonly inBrowser?: boolean;
  readonly rolls: number;
  /** Called before each roll, with its number. @returns whether it did something to the server; then that replaces the roll */
  readonly disturb?: (number: number) => Promise<boolean>;
  /** Whether notices are not judged, which saves the time in which they could follow. */
  readonly ignoresNotices?: boolean;
  /** Publications per second, by all publishers together. */
  readonly perSecond?: number;
  /** How long the last messages may take; short for a control in which some never arrive. Milliseconds. */
  readonly settleMs?: number;
}

/** The result of a run. */
export interface RollResult extends Counts {
  readonly name: string;
  readonly rolls: number;
  readonly subscribers: number;
  readonly acknowledged: number;
  readonly deliveries: number;
  /** Failed attempts to publish, all retried with the same id. */
  readonly publisherErrors: number;
  readonly longestSilenceMs: number;
  readonly peakClosesPerSecond: number;
  readonly peakHandshakesPerSecond: number;
  /** The most closes per second that an evenly paced roll makes. */
  readonly closesBound: number;
  readonly rollSeconds: readonly number[];
  readonly exitCode: number;
}

/** Rolls a server while subscribers are connected and publishers publish, and judges what the subscribers received. */
export async function runRolls(plan: RollPlan): Promise<RollResult> {
  const { driver, each, rolls, ignoresNotices = false } = plan;
  await driver.start();
  await using browser = plan.inBrowser ? await BrowserSubscribers.open(driver, each) : undefined;
  const subscribers = [...openSubscribers(driver, each, browser === undefined), ...(browser?.all ?? [])];
  const publishers = makePublishers(driver, plan.perSecond ?? 60);
  const allConnected = async () => {
    await browser?.collect();
    return subscribers.every(({ isConnected }) => isConnected);
  };
  await until(allConnected, "all subscribers are connected");
  const collect = () => browser?.collect() ?? Promise.resolve();
  if (!ignoresNotices) await untilQuiet(subscribers, collect);
  for (const { record } of subscribers) record.notices.length = 0;
  for (const publisher of publishers) publisher.start();
  const disturbances: Disturbance[] = [];
  if (ignoresNotices) disturbances.push({ from: 0, to: Number.POSITIVE_INFINITY, kind: "guest" });
  const rollSeconds: number[] = [];
  for (let number = 1; number <= rolls; number++) {
    await Bun.sleep(restMs);
    const hasGuest = number === rolls;
    using _stuck = hasGuest ? await StuckReader.open(driver) : undefined;
    const from = performance.now() - (hasGuest ? guestMs : 0);
    const isFaulty = (await plan.disturb?.(number)) === true;
    if (!isFaulty) {
      const began = performance.now();
      await driver.roll();
      rollSeconds.push((performance.now() - began) / 1000);
    }
    if (!isFaulty && !hasGuest) continue;
    await until(allConnected, "all subscribers are connected again");
    if (!ignoresNotices) await untilQuiet(subscribers, collect);
    disturbances.push({ from, to: performance.now(), kind: isFaulty ? "fault" : "guest" });
  }
  await until(allConnected, "all subscribers are connected again");
  await Promise.all(publishers.map((publisher) => publisher.stop()));
  await untilDelivered(subscribers, publishers, collect, plan.settleMs ?? settleMs);
  const counts = judge(subscribers, publishers, disturbances);
  const figures = measure(plan, subscribers, publishers, disturbances);
  for (const subscriber of subscribers) subscriber.stop();
  const exitCode = await driver.stop();
  return { name: driver.name, rolls, ...counts, ...figures, rollSeconds, exitCode };
}

function openSubscribers(driver: Driver, each: number, hasEventSources: boolean): readonly Subscriber[] {
  const make = (count: number, open: (n: number) => Subscriber) =>
    Array.from({ length: count }, (_, index) => open(index + 1));
  return [
    ...(driver.openOwnClient === undefined ? [] : make(each, (n) => new OwnSubscriber(driver, `own client ${n}`))),
    ...make(each, (n) => new SocketSubscriber(driver, `websocket ${n}`, { resumes: true })),
    ...(hasEventSources ? make(each, (n) => new EventSourceSubscriber(driver, `event source ${n}`)) : []),
    ...make(2, (n) => new SocketSubscriber(driver, `unaware ${n}`, { resumes: false })),
  ];
}

function makePublishers(driver: Driver, perSecond: number): readonly SteadyPublisher[] {
  const ways = ["http", "http", "websocket", "websocket"] as const;
  const everyMs = (ways.length * 1000) / perSecond;
  return ways.map((via, n) => new SteadyPublisher(driver, `${via}${n}`, { via, everyMs }));
}

/** A busy machine delivers notices late, and a browser even more so. */
async function untilQuiet(subscribers: readonly Subscriber[], collect: () => Promise<void>): Promise<void> {
  let known = -1;
  for (let quietSince = performance.now(); performance.now() - quietSince < quietMs; await Bun.sleep(pollMs)) {
    await collect();
    const count = subscribers.reduce((sum, { record }) => sum + record.notices.length, 0);
    if (count !== known) quietSince = performance.now();
    known = count;
  }
}

/** Returns when everything has arrived, or when it is clear that something never will. */
async function untilDelivered(
  subscribers: readonly Subscriber[],
  publishers: readonly SteadyPublisher[],
  collect: () => Promise<void>,
  withinMs: number,
): Promise<void> {
  const lastTexts = publishers.flatMap(({ acknowledged }) => acknowledged.at(-1) ?? []);
  const hasAll = ({ kind, record }: Subscriber) =>
    kind === "unaware" || lastTexts.every((text) => record.messages.some((message) => message.text === text));
  const isDelivered = async () => {
    await collect();
    return subscribers.every(hasAll);
  };
  // Messages that did not arrive are counted as lost.
  await until(isDelivered, "everything is delivered", withinMs).catch(() => undefined);
}

function measure(
  { driver }: RollPlan,
  subscribers: readonly Subscriber[],
  publishers: readonly SteadyPublisher[],
  disturbances: readonly Disturbance[],
) {
  const records = subscribers.map(({ record }) => record);
  const faulty = disturbances.filter(({ kind }) => kind === "fault");
  const isUndisturbed = (at: number) => !faulty.some(({ from, to }) => at >= from && at <= to);
  const isOutside = (from: number, to: number) => !faulty.some((it) => from <= it.to && to >= it.from);
  // A library closes its old connections by itself.
  const closed = subscribers.filter(({ kind }) => kind !== "own client");
  const closes = records.flatMap(({ endings }) => endings.map(({ at }) => at)).filter(isUndisturbed);
  const firstOpenings = records.map(({ openings }) => openings[0] ?? 0);
  const handshakes = records
    .flatMap(({ openings }) => openings.filter((at) => !firstOpenings.includes(at)))
    .filter(isUndisturbed);
  const resuming = subscribers.filter(({ kind }) => kind !== "unaware");
  return {
    subscribers: subscribers.length,
    acknowledged: publishers.reduce((sum, { acknowledged }) => sum + acknowledged.length, 0),
    deliveries: records.reduce((sum, { messages }) => sum + messages.length, 0),
    publisherErrors: publishers.reduce((sum, { errors }) => sum + errors, 0),
    longestSilenceMs: Math.round(Math.max(...resuming.map(({ record }) => record.longestSilenceMs(isOutside)))),
    peakClosesPerSecond: peakPerSecond(closes),
    peakHandshakesPerSecond: peakPerSecond(handshakes),
    // Twice the even rate, because a busy machine delays closes and then makes up for it.
    closesBound: Math.ceil((2 * closed.length) / driver.windowS) + 2,
  };
}
