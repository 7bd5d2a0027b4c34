import { everyone } from "../../protocol/channel-name.ts";
import { SdkSubscriber } from "./clients/sdk-subscriber.ts";
import { recordAt } from "./redis/broker-scripts.ts";
import type { Simulation } from "./simulation.ts";

/** How long the system gets to come to rest after the last fault: longer than the longest timeout of any part. */
export const restMs = 90_000;
/** In the last part of it nothing is published, not even by schedules. */
export const silenceMs = 5000;
const answerMs = 8000;
/** How late an occurrence may be, milliseconds. */
const lateMs = 3000;

/** Checks what must be true once no fault is left and nothing is published. */
export function checkAtRest(simulation: Simulation): void {
  const { history, plan } = simulation;
  for (const what of simulation.unsettled) history.violate("every promise settles", what);
  for (const it of [...simulation.publishers, ...simulation.subscribers]) {
    const { process } = "host" in it ? it.host : it;
    const text = () => `${process.name} waits for ${it.unsettled} answers`;
    history.expect(it.unsettled === 0, "every promise settles", text);
  }
  checkDelivered(simulation);
  checkLevel(simulation);
  checkUsers(simulation);
  checkOccurrences(simulation);
  checkNotices(simulation);
  checkCounts(simulation);
  checkPresences(simulation);
  if (plan.userConnections !== "many") checkFreeUsers(simulation);
}

function checkDelivered(simulation: Simulation): void {
  const { history, plan } = simulation;
  for (const subscriber of simulation.subscribers) {
    const { process } = subscriber.host;
    if (subscriber.hasEnded) {
      const hasLeft = plan.actions.some(
        ({ kind, target }) =>
          kind === "client-leaves" && simulation.subscribers[target % simulation.subscribers.length] === subscriber,
      );
      // Several clients of one user replace or refuse each other. A user's only client can be refused as well: if it lost its
      // connection before the welcome, it has no resume key to prove that the old connection is its own.
      const isAlone = plan.clients.filter(({ userId }) => userId === subscriber.plan.userId).length === 1;
      const mayBeRefused = plan.userConnections !== "many" && (!isAlone || !subscriber.sentTakesOver);
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
    for (const channel of simulation.channelsOf(subscriber)) {
      const top = simulation.topOf(channel);
      const seen = subscriber.positionOf(channel);
      const isLevel = seen !== undefined && top !== undefined && seen.epoch === top.epoch && seen.offset === top.offset;
      const text = () =>
        `${process.name}: ${channel} at ${seen?.epoch} ${seen?.offset}, top ${top?.epoch} ${top?.offset}`;
      history.expect(isLevel, "everything delivered at rest", text);
    }
  }
  for (const channel of new Set(plan.publishers.flatMap(({ channels }) => channels))) {
    const top = simulation.topOf(channel);
    // A channel that was not used since Redis restarted gets its new epoch when it is used next.
    const isSettled =
      recordAt(simulation.redis.keys, simulation.keysOf(channel).record)?.life === simulation.redis.life;
    if (top === undefined || !isSettled || simulation.restoredChannels.has(channel)) continue;
    const known = history.topOf(channel, top.epoch);
    const text = () => `${channel}: offset ${known} was seen in ${top.epoch}, whose top is ${top.offset}`;
    history.expect(known <= top.offset, "everything delivered at rest", text);
  }
}

function checkLevel(simulation: Simulation): void {
  const { history } = simulation;
  for (const { hub, process } of simulation.living) {
    for (const error of process.failures) history.violate("no fault in the code", `${process.name}: ${error}`);
    for (const session of hub.connections.all()) {
      const isAtRest = session.isLevel && !session.isBlocked && session.isWelcomed && session.closed === undefined;
      history.expect(isAtRest, "everything level at rest", () => `${session.id} at ${process.name}`);
    }
    history.expect(hub.inFlight === 0, "every promise settles", () => `${hub.inFlight} in flight at ${process.name}`);
    history.expect(hub.backlog.bytes === 0, "everything level at rest", () => `bytes wait at ${process.name}`);
  }
}

function checkUsers(simulation: Simulation): void {
  if (simulation.plan.userConnections === "many") return;
  const users = simulation.living.flatMap(({ hub }) => Array.from(hub.connections.all(), ({ userId }) => userId));
  for (const user of new Set(users)) {
    const count = users.filter((it) => it === user).length;
    const text = () => `${user} is connected ${count} times`;
    simulation.history.expect(user === undefined || count === 1, "one connection per user", text);
  }
}

/**
 * Each occurrence of a schedule is published exactly once, whichever process stops, dies or loses its connection, unless
 * Redis has lost the schedule's state. If a clock was set, occurrences may be skipped.
 */
function checkOccurrences(simulation: Simulation): void {
  const { plan } = simulation;
  const isClockSet = plan.actions.some(({ kind }) => kind.endsWith("-clock"));
  if (!simulation.mayForget || simulation.keepsEpochs) checkEachOnce(simulation, isClockSet);
  if (plan.periodicMs > 0 && !isClockSet) checkOngoing(simulation);
}

function checkEachOnce({ history, plan, occurrences }: Simulation, isClockSet: boolean): void {
  // Ids contain the revision and the time: after a clock was set back, the same time occurs again in a new revision.
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

/** Schedules fire until the end. Those of the settings are created again if Redis has lost them. */
function checkOngoing({ history, plan, occurrences, director }: Simulation): void {
  const silentFrom = director.now() - silenceMs;
  const last = occurrences.at(-1)?.time ?? 0;
  const text = () =>
    `the last one is that of ${new Date(last).toISOString()}, until ${new Date(silentFrom).toISOString()}`;
  history.expect(last >= silentFrom - plan.periodicMs - lateMs, "each occurrence once", text);
}

/** If nodes are only rolled, all clients move and none joins or leaves. */
function checkNotices(simulation: Simulation): void {
  const { history, plan } = simulation;
  if (plan.profile !== "roll") return;
  for (const subscriber of simulation.subscribers) {
    const { name } = subscriber.host.process;
    history.expect(subscriber.notices === 0, "no notice of a move", () => `${name} got ${subscriber.notices} notices`);
  }
}

function checkCounts(simulation: Simulation): void {
  const { history, timeline } = simulation;
  const sessions = simulation.living.flatMap(({ hub }) => [...hub.connections.all()]);
  const connected = simulation.subscribers.filter(({ hasEnded }) => !hasEnded).length;
  const text = () => `${sessions.length} sessions for ${connected} clients`;
  history.expect(sessions.length === connected, "counts are true at rest", text);
  const channels = new Set([everyone, ...simulation.subscribers.flatMap((it) => it.plan.channels)]);
  let missing = 0;
  for (const { hub, process } of simulation.living) {
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

/** The members that the SDK shows are those that are connected. */
function checkPresences(simulation: Simulation): void {
  const { history } = simulation;
  const sessions = simulation.living.flatMap(({ hub }) => [...hub.connections.all()]);
  for (const subscriber of simulation.subscribers) {
    if (!(subscriber instanceof SdkSubscriber) || subscriber.hasEnded) continue;
    const { name } = subscriber.host.process;
    for (const channel of subscriber.plan.channels) {
      const there = sessions.filter(({ memberships }) => memberships.get(channel) !== undefined);
      const truth = there.map(({ userId }) => userId ?? "-").sort();
      const shown = subscriber.presences.get(channel)?.members.map(({ user_id = "-" }) => user_id) ?? [];
      const text = () => `${name} shows ${shown.sort()} in ${channel}, not ${truth}`;
      history.expect(shown.sort().join() === truth.join(), "presence is true at rest", text);
    }
  }
}

/** A user without a connection can connect. */
function checkFreeUsers(simulation: Simulation): void {
  const { history, timeline, plan } = simulation;
  const connected = new Set(
    simulation.living.flatMap(({ hub }) => Array.from(hub.connections.all(), ({ userId }) => userId)),
  );
  const users = new Set(plan.clients.flatMap(({ userId }) => (userId === undefined ? [] : [userId])));
  let missing = 0;
  for (const userId of users) {
    const node = simulation.living[missing % simulation.living.length];
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
