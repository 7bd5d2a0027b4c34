import { getLogger } from "@logtape/logtape";
import type { ChannelName } from "../../protocol/channel-name.ts";
import { ServiceError } from "../../protocol/errors.ts";
import type { Position, Since } from "../../protocol/position.ts";
import { type Block, type BlockKind, type BlockList, concerns } from "../auth/block-list.ts";
import type { Broker } from "../broker/broker.ts";
import type { HistoryRules } from "../broker/log.ts";
import type { Peers } from "../cluster/peers.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import { type BlockChange, formatChange, parseChange } from "./block-record.ts";
import type { Connections } from "./connections.ts";

/** Where the changes are stored: with the histories, so they live as long as those. Clients cannot use such a name. */
export const blocksChannel = "#blocks" as ChannelName;
/** 400 days, the longest that a history may be kept. */
export const blocksRules: HistoryRules = {
  historySize: 10_000,
  historyTtl: 400 * 86_400_000,
  historyBytes: 8 * 1024 ** 2,
};
/** Blocks at the same time. */
const maxBlocks = 2000;
/** After so many changes all blocks in force are stored again, so that the stored changes always contain them. */
const changesPerCopy = 4000;
/** How often changes are looked for that no other worker has told of. */
const reloadMs = 30_000;
const pageSize = 1000;
const pageBytes = 1024 * 1024;

export interface BlocksParts {
  readonly list: BlockList;
  readonly broker: Pick<Broker, "publish" | "history">;
  readonly peers: Pick<Peers, "handle" | "askAll">;
  readonly connections: Connections;
  readonly clock: Clock;
}

/**
 * Blocks users and tokens on all workers and machines: the change is stored, then every worker applies it and closes the
 * connections it concerns. A worker that starts, or was cut off, reads the stored changes.
 */
export class Blocks {
  readonly #parts: BlocksParts;
  #seen: Position | undefined;
  #timer: Timer | undefined;

  constructor(parts: BlocksParts) {
    this.#parts = parts;
    parts.peers.handle("block", (change: BlockChange) => this.#apply(change));
  }

  /** Reads the stored blocks. If they cannot be read now, it tries again later. */
  async start(): Promise<void> {
    await this.#reload();
    this.#reloadLater();
  }

  /** Those in force. */
  all(): readonly Block[] {
    return this.#parts.list.all(this.#parts.clock.now());
  }

  /** @returns how many connections were closed @throws ServiceError "too-large" for too many, "broker-unavailable" */
  async block(block: Block): Promise<number> {
    const isKnown = this.#parts.list.get(block.kind, block.name, this.#parts.clock.now()) !== undefined;
    if (!isKnown && this.all().length >= maxBlocks) {
      const message = `at most ${maxBlocks} blocks at the same time: lift some, or give them an expiry`;
      throw new ServiceError("too-large", message);
    }
    return this.#change({ verb: "block", ...block });
  }

  /** @throws ServiceError "not-found" if it is not blocked, "broker-unavailable" */
  async lift(kind: BlockKind, name: string): Promise<void> {
    if (this.#parts.list.get(kind, name, this.#parts.clock.now()) === undefined) {
      throw new ServiceError("not-found", `this ${kind} is not blocked`);
    }
    await this.#change({ verb: "lift", kind, name });
  }

  close(): void {
    this.#timer?.cancel();
  }

  async #change(change: BlockChange): Promise<number> {
    const offset = await this.#store(change);
    if (offset % changesPerCopy === 0) {
      for (const block of this.all()) await this.#store({ verb: "block", ...block });
    }
    const answers = await this.#parts.peers.askAll("block", change);
    return answers.reduce((total, { body }) => total + Number(body), 0);
  }

  async #store(change: BlockChange): Promise<number> {
    const draft = { channel: blocksChannel, data: formatChange(change) };
    const { position } = await this.#parts.broker.publish(draft, blocksRules);
    return position?.offset ?? 0;
  }

  /** @returns how many connections of this worker were closed */
  #apply(change: BlockChange): number {
    const { list, connections, clock } = this.#parts;
    if (change.verb === "lift") {
      list.lift(change.kind, change.name);
      return 0;
    }
    list.set(change);
    if (list.get(change.kind, change.name, clock.now()) === undefined) return 0;
    const { kind, name } = change;
    const sessions = kind === "user" ? [...connections.ofUser(name)] : connections.all();
    const concerned = sessions.filter(({ identity }) => concerns(kind, name, identity));
    for (const session of concerned) session.close({ name: "disconnected", text: `this ${kind} is blocked` });
    return concerned.length;
  }

  async #reload(): Promise<void> {
    try {
      for (let hasMore = true; hasMore; ) hasMore = await this.#readPage();
    } catch (error) {
      const reason = error instanceof ServiceError ? error.message : error; // a bug has a stack
      getLogger(["fanfare", "auth"]).warning("Cannot read the blocked users and tokens now: {reason}", { reason });
    }
  }

  /** @returns whether there may be more */
  async #readPage(): Promise<boolean> {
    const since: Since = this.#seen === undefined ? { from: "earliest" } : { from: "position", position: this.#seen };
    const { top, publications } = await this.#parts.broker.history(blocksChannel, since, {
      limit: pageSize,
      maxBytes: pageBytes,
    });
    for (const { data } of publications) {
      const change = parseChange(data);
      if (change !== undefined) this.#apply(change);
    }
    const last = publications.at(-1);
    this.#seen = last === undefined ? top : { epoch: top.epoch, offset: last.offset };
    return last !== undefined && last.offset < top.offset;
  }

  #reloadLater(): void {
    this.#timer = this.#parts.clock.setTimeout(async () => {
      await this.#reload();
      if (this.#timer !== undefined) this.#reloadLater();
    }, reloadMs);
  }
}
