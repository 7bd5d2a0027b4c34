import type { ChannelName } from "../../protocol/channel-name.ts";
import { EmbeddedBroker } from "../../server/broker/embedded/broker.ts";
import { IpcBroker } from "../../server/broker/ipc/client.ts";
import { IpcHost } from "../../server/broker/ipc/host.ts";
import { MemoryLog } from "../../server/broker/memory/log.ts";
import { makeSocketPath, removeSocketPath } from "../../server/lib/link/socket-path.ts";
import { markCollections } from "./collections.ts";

/**
 * Publishes through a host, in one process for both ends of the socket. One worker publishes, and a second one listens, too.
 * Run by allocations.test.ts. Argument: the number of publications.
 */
const publications = Number(process.argv[2]);
/** Sent together, so that the socket carries many in one piece, as under load. */
const together = 50;
const rules = { historySize: 10, historyTtl: 60_000, historyBytes: 1_000_000 };
const channel = "@user1" as ChannelName;

const path = makeSocketPath("allocations");
const host = new IpcHost({ path, broker: new EmbeddedBroker(new MemoryLog()) });
await host.start();
let received = 0;
const events = {
  onPublication: () => {
    received++;
  },
  onBreak() {},
  onReset() {},
  onHealth() {},
};
const [publisher, listener] = [new IpcBroker({ path, name: "publisher" }), new IpcBroker({ path, name: "listener" })];
for (const it of [publisher, listener]) {
  await it.start(events);
  await it.listen(channel);
}

markCollections();
for (let count = 0; count < publications; count += together) {
  await Promise.all(Array.from({ length: together }, publish));
}
markCollections();
await Promise.all([publisher.close(), listener.close()]);
await host.close();
removeSocketPath(path);
if (received !== 2 * publications) throw new Error(`${received} deliveries of ${2 * publications}`);
process.exit(0);

function publish(_: unknown, at: number) {
  return publisher.publish({ channel, data: `{"order":${at}}` }, rules);
}
