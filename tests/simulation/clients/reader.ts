import type { ChannelName } from "../../../protocol/channel-name.ts";
import type { Position } from "../../../protocol/position.ts";
import type { History } from "../../../server/broker/log.ts";
import type { Timer } from "../../../server/lib/clock.ts";
import { Account } from "../../../server/limits/account.ts";
import type { Process } from "../process.ts";
import { Wire } from "../wire.ts";
import type { ClientContext } from "./client-context.ts";

/** How long an answer may take before the reader gives up, milliseconds. */
const answerMs = 10_000;
const pageSize = 20;

/** A backend that reads the history of channels over HTTP, page by page, and remembers how far it has read. */
export class Reader {
  readonly process: Process;
  readonly #simulation: ClientContext;
  readonly #positions = new Map<ChannelName, Position>();
  #isWaiting = false;

  constructor(simulation: ClientContext, process: Process) {
    this.#simulation = simulation;
    this.process = process;
  }

  /** Reads the next page of a channel, unless an answer is still missing. */
  read(channel: ChannelName): void {
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    const node = this.#simulation.pickNode(this.process);
    const wire = new Wire(this.process, node.process, this.#simulation.backendRoute, this.process.dice);
    let timer: Timer | undefined;
    const end = () => {
      this.#isWaiting = false;
      timer?.cancel();
      wire.closeNear();
    };
    timer = this.process.setTimeout(end, answerMs);
    wire.onNearEnd = end;
    const known = this.#positions.get(channel);
    wire.toFar(() => {
      if (!node.isReady || node.hasStopped) {
        wire.closeFar();
        return;
      }
      const since =
        known === undefined ? { from: "earliest" as const } : { from: "position" as const, position: known };
      const done = this.#simulation.expectSettled(`history of ${channel} at ${node.process.name}`, node.process);
      node.hub.history({ channel, since, limit: pageSize }, Account.unlimited).then(
        (history) => {
          done();
          wire.toNear(() => {
            end();
            this.#take(channel, known, history);
          });
        },
        () => {
          done();
          wire.toNear(end);
        },
      );
    });
  }

  #take(channel: ChannelName, known: Position | undefined, { top, gap, publications }: History): void {
    const { history } = this.#simulation;
    const { name } = this.process;
    let last = gap === undefined ? known?.offset : undefined;
    for (const { epoch, offset, id } of publications) {
      const text = () => `${name}: ${channel} ${epoch} ${offset} after ${last}, asked ${known?.epoch} ${known?.offset}`;
      history.expect(epoch === top.epoch, "contiguous or announced", text);
      history.expect(last === undefined || offset === last + 1, "contiguous or announced", text);
      history.observe(name, channel, { epoch, offset }, id);
      last = offset;
    }
    if (last !== undefined) this.#positions.set(channel, { epoch: top.epoch, offset: last });
  }
}
