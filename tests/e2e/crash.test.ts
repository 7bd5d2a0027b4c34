import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ChannelName } from "../../protocol/channel-name.ts";
import type { Publication } from "../../protocol/publication.ts";
import type { HistoryRules, Log } from "../../server/broker/log.ts";
import { openLog } from "../../server/broker/open-log.ts";
import { makeRandom, replayable } from "../seed.ts";
import { type Acknowledged, HistoryWriter } from "./history-writer-process.ts";

const isLong = process.env.FANFARE_LONG === "1";
const kills = isLong ? 100 : 20;
/** The number of messages after which a server is killed at the latest. Each waits for the disk. */
const maxStored = isLong ? 1500 : 500;
const rules: HistoryRules = { historySize: 1_000_000, historyTtl: 86_400_000, historyBytes: 1_000_000_000 };
const channels = ["a", "b", "brief"] as ChannelName[];

test(`after each of ${kills} kills, everything acknowledged is stored once, in the same epoch`, () =>
  replayable(() =>
    inDirectory(async (directory) => {
      const random = makeRandom();
      const acknowledged: Acknowledged[] = [];
      for (let round = 0; round < kills; round++) {
        const writer = new HistoryWriter(directory, `${round}`);
        // Kills depend on progress and not on time: some happen while it opens its files, others later.
        if (random() < 0.2) await writer.until("healthy");
        else await writer.until("stored", Math.ceil(random() * maxStored));
        await writer.kill();
        acknowledged.push(...writer.acknowledged());
        await withLog(directory, async (log) => {
          expect(await faultsOf(log, acknowledged)).toEqual([]);
          expect(await retry(log, writer.acknowledged())).toEqual([]);
        });
      }
      expect(acknowledged.length).toBeGreaterThan(kills);
    }),
  ));

test("the check finds lost messages, duplicates, and a different epoch", async () => {
  await inDirectory(async (directory) => {
    const writer = new HistoryWriter(directory, "0");
    await writer.until("stored", 100);
    await writer.kill();
    const acknowledged = writer.acknowledged();
    const damage = async (statement: string) => {
      const database = new Database(join(directory, "history.sqlite"));
      database.run(statement);
      database.close();
      return withLog(directory, (log) => faultsOf(log, acknowledged));
    };
    const inA = "channel = (SELECT number FROM channels WHERE name = 'a')";
    const lastOfA = `(SELECT max(row) FROM publications WHERE ${inA})`;
    const second = `(SELECT body FROM publications WHERE ${inA} AND offset = 2)`;
    expect(await damage(`UPDATE publications SET body = ${second} WHERE ${inA} AND offset = 3`)).not.toEqual([]);
    expect(await damage(`DELETE FROM publications WHERE row >= ${lastOfA} - 60`)).not.toEqual([]);
    expect(await damage("UPDATE channels SET epoch = 'other'")).not.toEqual([]);
  });
});

async function inDirectory(run: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "fanfare-crash-"));
  try {
    await run(directory);
  } finally {
    await rm(directory, { recursive: true });
  }
}

async function withLog<Result>(directory: string, run: (log: Log) => Promise<Result>): Promise<Result> {
  const log = await openLog({ dataDir: directory, historyBytesTotal: 1_000_000_000 });
  try {
    return await run(log);
  } finally {
    await log.close();
  }
}

/** The faults of a history, compared with everything that was ever acknowledged. */
async function faultsOf(log: Log, acknowledged: readonly Acknowledged[]): Promise<readonly string[]> {
  const faults: string[] = [];
  for (const channel of channels) {
    const { publications, top } = await log.read(
      channel,
      { from: "earliest" },
      { limit: 1_000_000, maxBytes: Number.MAX_SAFE_INTEGER },
    );
    const first = top.offset - publications.length + 1;
    const isWhole = publications.every(({ offset }, index) => offset === first + index);
    if (!isWhole) faults.push(`${channel} has a hole`);
    if (channel !== "brief" && first !== 1) faults.push(`${channel} begins with ${first}`);
    if (new Set(publications.map(({ id }) => id)).size < publications.length) faults.push(`${channel} has an id twice`);
    const its = acknowledged.filter((it) => it.channel === channel);
    faults.push(...its.flatMap((it) => faultOf(it, top, publications[it.offset - first], first)));
  }
  return faults.slice(0, 5);
}

function faultOf(
  { channel, epoch, offset, id }: Acknowledged,
  top: { readonly epoch: string; readonly offset: number },
  found: Publication | undefined,
  first: number,
): readonly string[] {
  if (epoch !== top.epoch) return [`${channel}: ${epoch} became ${top.epoch}`];
  if (offset > top.offset) return [`${channel}: ${offset} was acknowledged, but the top is ${top.offset}`];
  if (offset < first && channel === "brief") return []; // not kept for long, as its rule says
  return found?.id === id ? [] : [`${channel}: ${offset} was ${id} and is ${found?.id}`];
}

/** Repeats the writer's last messages, each of which must be a duplicate. @returns those that are not */
async function retry(log: Log, acknowledged: readonly Acknowledged[]): Promise<readonly string[]> {
  const last = acknowledged.slice(-100);
  const entries = last.map(({ channel, id }) => ({
    draft: { channel: channel as ChannelName, id, message: "again" },
    rules,
  }));
  const appended = await log.append(entries);
  return appended.flatMap((it, at) => {
    const expected = last[at];
    const isSame =
      it.outcome === "duplicate" && it.position.offset === expected?.offset && it.position.epoch === expected.epoch;
    return isSame ? [] : [`${expected?.id} is ${it.outcome}`];
  });
}
