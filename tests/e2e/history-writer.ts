import { writeSync } from "node:fs";
import { parseArgs } from "node:util";
import { configureSync } from "@logtape/logtape";
import type { ChannelName } from "../../protocol/channel-name.ts";
import { ServiceError } from "../../protocol/errors.ts";
import { EmbeddedBroker } from "../../server/broker/embedded/broker.ts";
import type { HistoryRules } from "../../server/broker/log.ts";
import { openLog } from "../../server/broker/open-log.ts";

/**
 * A process that publishes into a durable history as fast as it can until it is stopped, and prints a line for each
 * acknowledged message at once. Tests kill it, and fill its disk.
 */
const { values } = parseArgs({
  options: {
    directory: { type: "string", default: "" },
    /** The prefix of its message IDs. */
    name: { type: "string", default: "" },
    size: { type: "string", default: "100" },
  },
});

const rules: HistoryRules = { historySize: 1_000_000, historyTtl: 86_400_000, historyBytes: 1_000_000_000 };
/** A channel with a very short history, so that there is always something to evict. */
const brief: HistoryRules = { ...rules, historySize: 3 };
const channels = ["a", "b", "brief"];
/** The number of publishes in flight. */
const publishers = 20;

/** Written synchronously, before anything else happens, so that a kill cannot lose it. */
function print(...words: readonly (string | number)[]): void {
  writeSync(1, `${words.join(" ")}\n`);
}

async function publishForever(broker: EmbeddedBroker, publisher: number): Promise<void> {
  const message = "m".repeat(Number(values.size));
  for (let count = 0; ; ) {
    const name = channels[(publisher + count) % channels.length] ?? "a";
    const id = `${values.name}-${publisher}-${count}`;
    try {
      const draft = { channel: name as ChannelName, id, message };
      const { position } = await broker.publish(draft, name === "brief" ? brief : rules);
      print("stored", name, position?.epoch ?? "", position?.offset ?? 0, id);
      count++;
    } catch (error) {
      print("refused", error instanceof ServiceError ? error.code : String(error));
      await Bun.sleep(10); // Retries with the same ID, as a publisher does. The pause avoids a busy loop while the disk fails.
    }
  }
}

configureSync({ loggers: [{ category: ["logtape", "meta"], sinks: [] }], sinks: {} });
try {
  const broker = new EmbeddedBroker(await openLog({ dataDir: values.directory, historyBytesTotal: 1_000_000_000 }));
  await broker.start({
    onPublication: () => {},
    onBreak: () => {},
    onReset: () => {},
    onHealth: (healthy) => print(healthy ? "healthy" : "unhealthy"),
  });
  await Promise.all(Array.from({ length: publishers }, (_, publisher) => publishForever(broker, publisher)));
} catch (error) {
  print("failed", String(error));
  process.exitCode = 1;
}
