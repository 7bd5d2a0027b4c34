import type { ChannelName } from "../../protocol/channel-name.ts";
import { defaultLogLimits } from "../../server/broker/log-limits.ts";
import type { Archive } from "../../server/broker/sqlite/archive.ts";
import { openHistory } from "../../server/broker/sqlite/open-history.ts";
import { toStorageError } from "../../server/broker/sqlite/storage-error.ts";
import { type HistoryImage, imageRules, type KnownMessage, messageOf } from "./history-image.ts";

/** The result of opening a history. */
export interface Verdict {
  /** Refused: it could not be opened or stopped working, with an error that explains why. */
  readonly outcome: "refused" | "served";
  readonly faults: readonly string[];
  /** Whether any channel has a new epoch. */
  readonly isRenewed: boolean;
  /** The number of announced gaps. */
  readonly gaps: number;
}

/** Opens the history in the image's directory, reads all of it, publishes to it, and repeats that after a restart. */
export function judge(image: HistoryImage): Verdict {
  const checker = new HistoryChecker(image.known);
  let outcome: Verdict["outcome"] = "served";
  for (let run = 0; run < 2; run++) {
    let archive: Archive | undefined;
    try {
      archive = openHistory(image.directory, defaultLogLimits, { now: 10_000 + run, wall: 10_000 + run });
      checker.examine(archive, image.channels);
    } catch (error) {
      checker.explain(error, image.directory);
      outcome = "refused";
    }
    try {
      archive?.close(10_000, 10_000);
    } catch (error) {
      checker.explain(error, image.directory);
    }
    if (outcome === "refused") break;
  }
  const { faults, gaps, isRenewed } = checker;
  return { outcome, faults, isRenewed, gaps };
}

class HistoryChecker {
  readonly faults: string[] = [];
  gaps = 0;
  isRenewed = false;
  /** By channel, epoch and offset. */
  readonly #given = new Map<string, string>();
  /** By channel and offset: in a new epoch, stored messages keep their offsets. */
  readonly #messages = new Map<string, string>();
  readonly #last = new Map<ChannelName, KnownMessage>();
  #count = 0;

  constructor(known: readonly KnownMessage[]) {
    for (const it of known) this.#note(it);
  }

  examine(archive: Archive, channels: ReadonlySet<ChannelName>): void {
    for (const channel of channels) this.#resume(archive, channel);
    for (const channel of channels) this.#readAll(archive, channel);
    this.#publish(archive, [...channels, ...channels]);
    for (const channel of channels) this.#readAll(archive, channel);
  }

  /** An error that explains itself is correct; anything else is a bug. */
  explain(error: unknown, directory: string): void {
    const explained = toStorageError(error, directory);
    if (explained.fault === "unknown")
      this.faults.push(`a bug: ${error instanceof Error ? error.stack : String(error)}`);
  }

  /** Resumes like a client that has received everything. */
  #resume(archive: Archive, channel: ChannelName): void {
    const last = this.#last.get(channel);
    if (last === undefined) return;
    const { epoch, offset } = last;
    const { top, gap } = archive.read(
      channel,
      { from: "position", position: { epoch, offset } },
      { limit: 10, maxBytes: Number.MAX_SAFE_INTEGER },
      10_000,
    );
    if (top.epoch !== epoch) {
      this.isRenewed = true;
      if (gap !== "epoch-changed") this.faults.push(`${channel}: a new epoch is not told`);
    } else if (top.offset !== offset) {
      this.faults.push(`${channel}: ${offset} was acknowledged and the top is ${top.offset}`);
    }
  }

  #readAll(archive: Archive, channel: ChannelName): void {
    const { top } = archive.read(
      channel,
      { from: "earliest" },
      { limit: 1, maxBytes: Number.MAX_SAFE_INTEGER },
      10_000,
    );
    for (let offset = Math.max(0, top.offset - imageRules.historySize); offset < top.offset; ) {
      const position = { epoch: top.epoch, offset };
      const { publications, gap } = archive.read(
        channel,
        { from: "position", position },
        { limit: 7, maxBytes: Number.MAX_SAFE_INTEGER },
        10_000,
      );
      if (gap !== undefined) this.gaps++;
      const first = publications[0]?.offset ?? top.offset + 1;
      if (gap === undefined && first !== offset + 1) {
        this.faults.push(`${channel}: ${first} follows ${offset}, and no gap was announced`);
      }
      for (const [at, it] of publications.entries()) {
        if (it.offset !== first + at) this.faults.push(`${channel}: messages before ${it.offset} are missing`);
        const message = messageOf(it.body);
        if (message !== this.#messages.get(`${channel} ${it.offset}`)) {
          this.faults.push(`${channel}: ${it.offset} has a text that was never published: ${message?.slice(0, 40)}`);
        }
      }
      offset = publications.at(-1)?.offset ?? top.offset;
    }
  }

  #publish(archive: Archive, channels: readonly ChannelName[]): void {
    const entries = channels.map((channel) => ({
      draft: { channel, message: `new ${this.#count++}` },
      rules: imageRules,
    }));
    const [placed = []] = archive.append([{ verb: "append", entries, now: 10_000, wall: 10_000 }], 10_000);
    for (const [at, { draft }] of entries.entries()) {
      const { channel, message } = draft;
      const it = placed[at];
      if (it?.outcome !== "stored") {
        this.faults.push(`${channel}: it was not stored`);
        continue;
      }
      const { id, epoch, offset } = it;
      const before = this.#given.get(`${channel} ${epoch} ${offset}`);
      if (before !== undefined) this.faults.push(`${channel}: ${epoch}:${offset} was given twice`);
      this.#note({ channel, epoch, offset, id, message });
    }
  }

  #note(known: KnownMessage): void {
    const { channel, epoch, offset, id, message } = known;
    this.#given.set(`${channel} ${epoch} ${offset}`, id);
    this.#messages.set(`${channel} ${offset}`, message);
    this.#last.set(channel, known);
  }
}
