import type { ChannelName } from "../../protocol/channel-name.ts";
import { EmbeddedBroker } from "../../server/broker/embedded/broker.ts";
import { MemoryLog } from "../../server/broker/memory/log.ts";
import { Delivery } from "../../server/delivery/delivery.ts";
import { systemClock } from "../../server/lib/clock.ts";
import { Account } from "../../server/limits/account.ts";
import { Session } from "../../server/session/session.ts";
import { plainForm } from "../../server/transport/websocket/plain-form.ts";
import { markCollections } from "./collections.ts";

/**
 * Publishes to channels with some members each. Run by allocations.test.ts. Arguments: the number of publications, and of members of each channel.
 */
const [publications = 0, members = 0] = process.argv.slice(2).map(Number);
const channels = 100;
const rules = { historySize: 10, historyTtl: 60_000, historyBytes: 1_000_000 };
const settings = { flushWindowMs: 0, tailBytes: 10_000, tailBytesTotal: 1_000_000, maxMessageBytes: 65_536 };

const broker = new EmbeddedBroker(new MemoryLog());
const events = {
  onLevel: () => undefined,
  sessionById: () => undefined,
  hasRoomFor: () => true,
  accountOf: () => Account.unlimited,
  onGap: () => undefined,
  onChannelGap: () => undefined,
  historyTtlOf: () => rules.historyTtl,
};
const delivery = new Delivery(broker, settings, events, systemClock);
await broker.start({ ...delivery, onPublication: delivery.receive, onBreak() {}, onReset() {}, onHealth() {} });

let received = 0;
const connection = {
  wireForm: plainForm,
  send(encoded: readonly unknown[]): "sent" {
    received += encoded.length;
    return "sent";
  },
  buffered: () => 0,
  close: () => undefined,
  drop: () => undefined,
  probe: () => undefined,
  owner: undefined,
};
for (let n = 0; n < channels; n++) {
  const channel = await delivery.interest.hold(nameOf(n), () => undefined);
  for (let member = 0; member < members; member++) {
    const origin = { id: `c_${n}_${member}`, ip: "127.0.0.1", remote: "", connectedAt: 0 };
    delivery.join(new Session(origin, { userId: undefined } as Session["identity"], connection), channel, 0);
  }
}

markCollections();
for (let count = 0; count < publications; count++) {
  const published = broker.publish({ channel: nameOf(count % channels), data: `{"order":${count}}` }, rules);
  if (published instanceof Promise) throw new Error("a log in memory answers at once");
  delivery.flushNow();
}
markCollections();
if (received !== publications * members) throw new Error(`${received} deliveries of ${publications * members}`);
process.exit(0);

function nameOf(n: number): ChannelName {
  return `@user${n}` as ChannelName;
}
