import { expect, test } from "bun:test";
import type { ChannelName } from "../../../protocol/channel-name.ts";
import { eventually } from "../../../tests/waiting.ts";
import { systemClock } from "../../lib/clock.ts";
import type { Link } from "../../lib/link/link.ts";
import { makeSocketPath, removeSocketPath } from "../../lib/link/socket-path.ts";
import { connectLink } from "../../lib/link/sockets.ts";
import { MovedClock } from "../../lib/moved-clock.ts";
import { PresenceTracker } from "../tracker.ts";
import { PresenceHost } from "./host.ts";
import { type HostMessage, presenceProtocol, type WorkerMessage } from "./messages.ts";
import { IpcPresence } from "./store.ts";

const room = "room" as ChannelName;

/** One worker with a connection in the room, and what its clients are told. */
async function startWorker(path: string, name: string) {
  const store = new IpcPresence({ path, name });
  const returning = Promise.withResolvers<void>();
  const start = store.start.bind(store);
  // A busy worker sends its presences again late.
  store.start = (events) => start({ ...events, onLost: () => void returning.promise.then(events.onLost) });
  const told: string[] = [];
  const tracker = new PresenceTracker(store, { clock: systemClock, size: 100, bytes: 1_000_000 }, (_, notification) =>
    told.push(
      notification === "reset"
        ? notification
        : notification.events.map(({ kind, presence }) => `${kind} ${presence.id}`).join(),
    ),
  );
  const caused: string[] = [];
  tracker.onCaused = (_, { events }) => caused.push(...events.map(({ kind, presence }) => `${kind} ${presence.id}`));
  await tracker.start();
  await tracker.watched.ready(room);
  tracker.join(room, { holder: name, over: undefined, resumes: false, userId: name, info: undefined, since: 0 });
  const idsOf = async () => (await tracker.read(room, { after: "", limit: 9 })).presences.map(({ id }) => id);
  return { tracker, told, caused, returnAgain: returning.resolve, idsOf };
}

test("a host that replaces one tells nobody of presences that workers send again, however late, but to ask again", async () => {
  const path = makeSocketPath("fanfare-test");
  const first = new PresenceHost(path, systemClock);
  first.start();
  const [a, b] = [await startWorker(path, "a"), await startWorker(path, "b")];
  await eventually(async () =>
    expect([await a.idsOf(), a.told.at(-1), b.told.at(-1)]).toEqual([["a", "b"], "joined b", "joined b"]),
  );
  const before = [a.told.length, b.told.length];
  await first.close();

  const clock = new MovedClock();
  const second = new PresenceHost(path, clock);
  second.start();
  a.returnAgain();
  await eventually(() => expect(a.told.at(-1)).toBe("reset")); // its event has a position in the new epoch
  b.returnAgain();
  await eventually(async () => {
    clock.move(1000);
    expect(await b.idsOf()).toEqual(["a", "b"]);
  });
  // From here on, events are sent.
  a.tracker.leave(room, "a");
  await eventually(() => expect(b.told.at(-1)).toBe("left a"));
  await eventually(() => expect(a.told.at(-1)).toBe("left a"));
  const since = [a.told.slice(before[0]), b.told.slice(before[1])].flat();
  expect(since.filter((it) => it.startsWith("joined"))).toEqual([]);
  expect([a.caused, b.caused]).toEqual([["joined a", "left a"], ["joined b"]]);
  for (const { tracker } of [a, b]) await tracker.close();
  await second.close();
  removeSocketPath(path);
});

test("a worker that connects again before the end of its former link is noticed keeps its presences", async () => {
  const path = makeSocketPath("fanfare-test");
  const clock = new MovedClock();
  const host = new PresenceHost(path, clock);
  host.start();
  const connect = async (returns: boolean) => {
    const messages: HostMessage[] = [];
    const ended = Promise.withResolvers<void>();
    const link = await connectLink(path, { protocol: presenceProtocol, name: "worker" }, (it) => ({
      onOpen: () => send(it, { verb: "hello", owner: "w", returns }),
      onText: (text) => messages.push(JSON.parse(text)),
      onClose: () => ended.resolve(),
    }));
    await eventually(() => expect(messages[0]).toMatchObject({ verb: "welcome", isKnown: returns }));
    return { link, messages, ended: ended.promise };
  };
  const send = (link: Link, message: WorkerMessage) => link.send(JSON.stringify(message));
  const former = await connect(false);
  const arrival = { holder: "c", over: undefined, resumes: false, userId: undefined, info: undefined, since: 0 };
  send(former.link, {
    verb: "apply",
    n: 1,
    channel: room,
    changes: [{ kind: "join", hasPlace: true, ...arrival }],
    size: 9,
  });
  await eventually(() => expect(former.messages[1]?.verb).toBe("done"));
  const { link, messages } = await connect(true);
  former.link.cut("broken");
  await former.ended;
  // Some turns, in which the host notices the end of the former link.
  for (let n = 2; n < 6; n++) {
    clock.move(10_000);
    send(link, { verb: "read", n, channel: room, page: { after: "", limit: 9 } });
    await eventually(() => expect(messages.at(-1)).toMatchObject({ verb: "page", n, page: { count: 1 } }));
  }
  await link.close();
  await host.close();
  removeSocketPath(path);
});
