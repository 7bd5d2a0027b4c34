import type { ChannelName } from "../../../protocol/channel-name.ts";
import type { ServiceError } from "../../../protocol/errors.ts";
import type { Published } from "../../../server/broker/broker.ts";
import type { Timer } from "../../../server/lib/clock.ts";
import type { Process } from "../process.ts";
import { Wire } from "../wire.ts";
import type { ClientContext } from "./client-context.ts";

/** How long an answer may take before the request is repeated, milliseconds. */
const answerMs = 10_000;
const retryMs = 300;

/** A backend that publishes over HTTP, and retries with the same id until it has an answer. */
export class Publisher {
  readonly process: Process;
  /** Publications without an answer. */
  unsettled = 0;
  readonly #simulation: ClientContext;
  #ids = 0;

  constructor(simulation: ClientContext, process: Process) {
    this.#simulation = simulation;
    this.process = process;
  }

  /** Publishes several in one go over one connection, each without waiting for the one before. */
  publish(channel: ChannelName, bodies: readonly string[]): void {
    const drafts = bodies.map((body) => ({ id: `${this.process.name}-${++this.#ids}`, body }));
    this.unsettled += drafts.length;
    this.#send(channel, drafts);
  }

  #send(channel: ChannelName, drafts: readonly { readonly id: string; readonly body: string }[]): void {
    const node = this.#simulation.pickNode(this.process);
    const wire = new Wire(this.process, node.process, this.#simulation.backendRoute, this.process.dice);
    const open = new Map(drafts.map((it) => [it.id, it]));
    let isOver = false;
    let timer: Timer | undefined;
    const retry = () => {
      if (isOver) return;
      isOver = true;
      timer?.cancel();
      wire.closeNear();
      if (open.size === 0) return;
      this.process.setTimeout(
        () => this.#send(channel, [...open.values()]),
        retryMs * this.process.dice.between(0.5, 2),
      );
    };
    const settle = (id: string, published: Published) => {
      if (!open.delete(id)) return;
      this.unsettled--;
      const { position } = published;
      if (position !== undefined) this.#simulation.history.observe(`${this.process.name} (ack)`, channel, position, id);
      this.#simulation.history.acknowledged++;
      if (open.size === 0) retry();
    };
    timer = this.process.setTimeout(retry, answerMs);
    wire.onNearEnd = retry;
    let failures = 0;
    const stored: { readonly at: number; readonly published: Published }[] = [];
    wire.toFar(() => {
      if (!node.isReady || node.hasStopped) {
        wire.closeFar();
        wire.toNear(retry);
        return;
      }
      drafts.forEach(({ id, body }, at) => {
        const done = this.#simulation.expectSettled(`publish of ${id} at ${node.process.name}`, node.process);
        Promise.resolve(node.hub.publish({ channel, id, message: body })).then(
          (published) => {
            done();
            this.#checkOrder(channel, stored, { at, published });
            wire.toNear(() => settle(id, published));
          },
          (_: ServiceError) => {
            done();
            failures++;
            wire.toNear(() => {
              if (failures === open.size) retry();
            });
          },
        );
      });
    });
  }

  /** The publication that was sent first has the lower offset, unless an earlier attempt stored it. */
  #checkOrder(
    channel: string,
    stored: { readonly at: number; readonly published: Published }[],
    one: { readonly at: number; readonly published: Published },
  ): void {
    const { position, duplicate } = one.published;
    if (duplicate || position === undefined) return;
    for (const { at, published } of stored) {
      const other = published.position;
      if (other === undefined || other.epoch !== position.epoch || at < one.at === other.offset < position.offset)
        continue;
      const text = `${this.process.name}: ${channel} ${other.offset} and ${position.offset} were sent the other way round`;
      this.#simulation.history.violate("order of one publisher", text);
    }
    stored.push(one);
  }
}
