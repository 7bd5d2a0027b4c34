import type { ChannelName } from "../protocol/channel-name.ts";
import type { Draft } from "../protocol/publication.ts";
import { SessionRecords } from "../server/hub/session-records.ts";
import { systemClock } from "../server/lib/clock.ts";
import type { Session } from "../server/session/session.ts";
import { Recorder } from "../server/trace/recorder.ts";
import { medianOf } from "./fanout/statistics.ts";

const rounds = 7;
const publications = 20_000_000;
const connections = 20_000;

/**
 * Measures what the records for traces and live tails cost, while nobody watches: per publication and per connection that
 * ends.
 */
function main(): void {
  const recorder = new Recorder(systemClock);
  const records = new SessionRecords({ recorder, audit: { record: () => undefined } }, systemClock);
  const published = { id: "m1", position: { epoch: "e", offset: 1 }, duplicate: false, listeners: 1 };
  const drafts = Array.from({ length: 64 }, (_, n) => draftTo(`room:${n}`));
  const sessions = Array.from({ length: connections }, (_, n) => sessionOf(n));
  let sent = 0;
  const publish = (isRecorded: boolean) => {
    for (let n = 0; n < publications; n++) {
      const draft = drafts[n & 63];
      if (draft === undefined) continue;
      sent++;
      if (isRecorded) records.published(draft, published);
    }
  };
  const perPublication: number[] = [];
  const perConnection: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const [bare, recorded] = [cpuUsOf(() => publish(false)), cpuUsOf(() => publish(true))];
    perPublication.push(((recorded - bare) / publications) * 1000);
    perConnection.push(cpuUsOf(() => sessions.forEach((it) => void records.ended(it))) / connections);
  }
  if (sent !== 2 * rounds * publications) throw new Error("publications are missing");
  console.log(`CPU time of the records for traces, median of ${rounds} rounds

| | |
| --- | ---: |
| a publication | ${nanosecondText(medianOf(perPublication))} |
| the end of a connection with three channels | ${medianOf(perConnection).toFixed(1)} µs |`);
}

/** Below 1 ns, the loop around it costs more than what is measured, so no number is shown. */
function nanosecondText(value: number): string {
  return value < 1 ? "less than 1 ns" : `${value.toFixed(1)} ns`;
}

/** User and system time, microseconds: other load on the machine hardly changes it. */
function cpuUsOf(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

function draftTo(channel: string): Draft {
  return { channel: channel as ChannelName, data: "{}" } as Draft;
}

/** The part of a session that is recorded when it ends. */
function sessionOf(n: number): Session {
  const memberships = [1, 2, 3].map((it) => ({
    channel: { name: `room:${it}`, epoch: "e" },
    after: 0,
    cursor: n,
  }));
  const origin = { remote: "127.0.0.1:40000", connectedAt: Date.now() };
  return { id: `c_${n}`, userId: `u${n % 1000}`, origin, isBlocked: false, memberships } as unknown as Session;
}

main();
