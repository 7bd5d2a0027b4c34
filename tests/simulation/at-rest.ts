import { everyone } from "../../protocol/channel-name.ts";
import type { City } from "./city.ts";
import { SdkSubscriber } from "./clients/sdk-subscriber.ts";
import { recordAt } from "./redis/broker-scripts.ts";

/** How long everything has to come to rest once nothing goes wrong any more: longer than the longest wait of any part. */
export const restMs = 90_000;
/** Before the end of it nobody publishes any more, not even the servers themselves. */
export const silenceMs = 5000;
const answerMs = 8000;
/** How late an occurrence may be. */
const lateMs = 3000;

/** What must be true once everything is whole and nobody publishes. */
export function checkAtRest(city: City): void {
  const { history, plan } = city;
  for (const what of city.unsettled) history.violate("every promise settles", what);
  for (const it of [...city.publishers, ...city.subscribers]) {
    const { process } = "line" in it ? it.line : it;
    const text = () => `${process.name} waits for ${it.unsettled} answers`;
    history.expect(it.unsettled === 0, "every promise settles", text);
  }
  checkDelivered(city);
  checkLevel(city);
  checkUsers(city);
  checkOccurrences(city);
  checkNotices(city);
  checkCounts(city);
  checkPresences(city);
  if (plan.userConnections !== "many") checkFreeUsers(city);
}

function checkDelivered(city: City): void {
  const { history, plan } = city;
  for (const subscriber of city.subscribers) {
    const { process } = subscriber.line;
    if (subscriber.hasEnded) {
      const hasLeft = plan.actions.some(
        ({ kind, target }) =>
          kind === "client-leaves" && city.subscribers[target % city.subscribers.length] === subscriber,
      );
      // Several clients of one user replace or refuse each other. One alone is nobody's rival, but if it lost its connection
      // before it was welcomed, it cannot say that the connection was its own.
      const isAlone = plan.clients.filter(({ userId }) => userId === subscriber.plan.userId).length === 1;
      const mayBeRefused = plan.userConnections !== "many" && (!isAlone || !subscriber.namesFormer);
      const text = () => `${process.name} ended for good: ${subscriber.endedWith}`;
      history.expect(
        hasLeft || (mayBeRefused && /^450[12]/.test(subscriber.endedWith)),
        "everybody is connected at rest",
        text,
      );
      continue;
    }
    history.expect(
      subscriber.isConnected,
      "everybody is connected at rest",
      () => `${process.name}: ${subscriber.endedWith}`,
    );
    for (const channel of city.channelsOf(subscriber)) {
      const top = city.topOf(channel);
      const seen = subscriber.positionOf(channel);
      const isLevel = seen !== undefined && top !== undefined && seen.epoch === top.epoch && seen.offset === top.offset;
      const text = () =>
        `${process.name}: ${channel} at ${seen?.epoch} ${seen?.offset}, top ${top?.epoch} ${top?.offset}`;
      history.expect(isLevel, "everything delivered at rest", text);
    }
  }
  for (const channel of new Set(plan.publishers.flatMap(({ channels }) => channels))) {
    const top = city.topOf(channel);
    // A channel that nobody has used since Redis restarted is settled when it is used next.
    const isSettled = recordAt(city.redis.keys, city.keysOf(channel).record)?.life === city.redis.life;
    if (top === undefined || !isSettled || city.setBack.has(channel)) continue;
    const known = history.topOf(channel, top.epoch);
    const text = () => `${channel}: ${known} was given away in ${top.epoch}, whose top is ${top.offset}`;
    history.expect(known <= top.offset, "everything delivered at rest", text);
  }
}

function checkLevel(city: City): void {
  const { history } = city;
  for (const { hub, process } of city.living) {
    for (const error of process.failures) history.violate("no fault in the code", `${process.name}: ${error}`);
    for (const session of hub.connections.all()) {
      const isAtRest = session.isLevel && !session.isBlocked && session.isWelcomed && session.closed === undefined;
      history.expect(isAtRest, "everything level at rest", () => `${session.id} at ${process.name}`);
    }
    history.expect(hub.inFlight === 0, "every promise settles", () => `${hub.inFlight} in flight at ${process.name}`);
    history.expect(hub.backlog.bytes === 0, "everything level at rest", () => `bytes wait at ${process.name}`);
  }
}

function checkUsers(city: City): void {
  if (city.plan.userConnections === "many") return;
  const users = city.living.flatMap(({ hub }) => Array.from(hub.connections.all(), ({ userId }) => userId));
  for (const user of new Set(users)) {
    const count = users.filter((it) => it === user).length;
    const text = () => `${user} is connected ${count} times`;
    city.history.expect(user === undefined || count === 1, "one connection per user", text);
  }
}

/**
 * Each occurrence of a schedule is published once, whatever stops, dies or loses its connection, unless Redis has lost what
 * it knew of them. If a clock is set, some may be left out.
 */
function checkOccurrences(city: City): void {
  const { plan } = city;
  const isClockSet = plan.actions.some(({ kind }) => kind.endsWith("-clock"));
  if (!city.mayForget || city.keepsEpochs) checkEachOnce(city, isClockSet);
  if (plan.periodicMs > 0 && !isClockSet) checkOngoing(city);
}

function checkEachOnce({ history, plan, occurrences }: City, isClockSet: boolean): void {
  // By revision and time: after a clock was set back, a time comes again, with another revision.
  const known = new Set<string>();
  for (const [at, { id, time }] of occurrences.entries()) {
    history.expect(!known.has(id), "each occurrence once", () => `${id} is published twice`);
    known.add(id);
    const before = occurrences[at - 1]?.time;
    if (before === undefined || isClockSet) continue;
    const text = () => `${new Date(time).toISOString()} follows ${new Date(before).toISOString()}`;
    history.expect(time === before + plan.periodicMs, "each occurrence once", text);
  }
}

/** Schedules are published until the end. Those of the settings are made again if Redis has lost them. */
function checkOngoing({ history, plan, occurrences, director }: City): void {
  const silentFrom = director.now() - silenceMs;
  const last = occurrences.at(-1)?.time ?? 0;
  const text = () =>
    `the last one is that of ${new Date(last).toISOString()}, until ${new Date(silentFrom).toISOString()}`;
  history.expect(last >= silentFrom - plan.periodicMs - lateMs, "each occurrence once", text);
}

/** In a city where nodes are only rolled, everybody moves and nobody comes or leaves. */
function checkNotices(city: City): void {
  const { history, plan } = city;
  if (plan.profile !== "roll") return;
  for (const subscriber of city.subscribers) {
    const { name } = subscriber.line.process;
    history.expect(subscriber.notices === 0, "no notice of a move", () => `${name} got ${subscriber.notices} notices`);
  }
}

function checkCounts(city: City): void {
  const { history, timeline } = city;
  const sessions = city.living.flatMap(({ hub }) => [...hub.connections.all()]);
  const connected = city.subscribers.filter(({ hasEnded }) => !hasEnded).length;
  const text = () => `${sessions.length} sessions for ${connected} clients`;
  history.expect(sessions.length === connected, "counts are true at rest", text);
  const channels = new Set([everyone, ...city.subscribers.flatMap((it) => it.plan.channels)]);
  let missing = 0;
  for (const { hub, process } of city.living) {
    const { online } = hub.peers.roster;
    const count = () => `${process.name} counts ${online} of ${sessions.length}`;
    history.expect(online === sessions.length, "counts are true at rest", count);
    for (const channel of channels) {
      const there = sessions.filter(({ memberships }) => memberships.get(channel) !== undefined);
      const users = new Set(there.flatMap(({ userId }) => (userId === undefined ? [] : [userId])));
      missing++;
      process.post(timeline.now, () => {
        void hub.presence.read(channel, "").then((presence) => {
          missing--;
          const isTrue = presence.count === there.length && presence.users?.join() === [...users].sort().join();
          const seen = () =>
            `${process.name}: ${channel} has ${presence.count} (${presence.users}), not ${there.length} (${[...users]})`;
          history.expect(isTrue, "counts are true at rest", seen);
        });
      });
    }
  }
  timeline.runUntil(timeline.now + answerMs);
  history.expect(missing === 0, "every promise settles", () => `${missing} questions about presence`);
}

/** What the SDK shows is who is there. */
function checkPresences(city: City): void {
  const { history } = city;
  const sessions = city.living.flatMap(({ hub }) => [...hub.connections.all()]);
  for (const subscriber of city.subscribers) {
    if (!(subscriber instanceof SdkSubscriber) || subscriber.hasEnded) continue;
    const { name } = subscriber.line.process;
    for (const channel of subscriber.plan.channels) {
      const there = sessions.filter(({ memberships }) => memberships.get(channel) !== undefined);
      const truth = there.map(({ userId }) => userId ?? "-").sort();
      const shown = subscriber.presences.get(channel)?.members.map(({ user_id = "-" }) => user_id) ?? [];
      const text = () => `${name} shows ${shown.sort()} in ${channel}, not ${truth}`;
      history.expect(shown.sort().join() === truth.join(), "presence is true at rest", text);
    }
  }
}

/** Whoever has no connection can have one. */
function checkFreeUsers(city: City): void {
  const { history, timeline, plan } = city;
  const connected = new Set(
    city.living.flatMap(({ hub }) => Array.from(hub.connections.all(), ({ userId }) => userId)),
  );
  const users = new Set(plan.clients.flatMap(({ userId }) => (userId === undefined ? [] : [userId])));
  let missing = 0;
  for (const userId of users) {
    const node = city.living[missing % city.living.length];
    if (connected.has(userId) || node === undefined) continue;
    missing++;
    const arrival = {
      userId,
      token: undefined,
      channels: [],
      since: undefined,
      takesOver: undefined,
      ip: "probe",
      remote: "probe",
    };
    node.process.post(timeline.now, () => {
      void Promise.resolve(node.hub.admit(arrival)).then(
        (admitted) => {
          missing--;
          node.hub.cancel(admitted);
        },
        (error: unknown) => {
          missing--;
          history.violate("a free user is let in", `${userId} at ${node.process.name}: ${error}`);
        },
      );
    });
  }
  timeline.runUntil(timeline.now + answerMs);
  history.expect(missing === 0, "every promise settles", () => `${missing} probes`);
}
