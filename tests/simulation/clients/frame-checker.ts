import type { IncomingFrame } from "../../../protocol/client-codec.ts";
import type { Joined } from "../../../protocol/frames.ts";
import type { Position } from "../../../protocol/position.ts";
import { PresenceObserver } from "../../presence/observer.ts";
import type { ClientContext } from "./client-context.ts";

/** Follows the frames of one connection as a client would, and reports holes, duplicates and wrong positions. */
export class FrameChecker {
  /** The connection's position in each of its channels. */
  readonly positions = new Map<string, Position>();
  readonly #name: string;
  readonly #simulation: ClientContext;
  /** The position that the client asked to resume from, by channel, until the answer comes. */
  readonly #asked: Map<string, Position>;
  /** Who is in each channel, according to this connection's frames. */
  readonly #presences = new Map<string, PresenceObserver>();
  #isWelcomed = false;

  constructor(name: string, simulation: ClientContext, asked: ReadonlyMap<string, Position>) {
    this.#name = name;
    this.#simulation = simulation;
    this.#asked = new Map(asked);
  }

  /** The client asks to join a channel. */
  asks(channel: string, since: Position | undefined): void {
    if (since === undefined) this.#asked.delete(channel);
    else this.#asked.set(channel, since);
  }

  take(frame: IncomingFrame): void {
    const isWelcome = frame.type === "system" && frame.event === "welcome";
    this.#expect(isWelcome !== this.#isWelcomed, () => `${frame.type} before or after the welcome`);
    if (isWelcome) {
      this.#isWelcomed = true;
      for (const [channel, joined] of Object.entries(frame.channels)) this.#join(channel, joined);
    } else if (frame.type === "subscribed") this.#join(frame.channel, frame);
    else if (frame.type === "unsubscribed") {
      this.positions.delete(frame.channel);
      this.#presences.delete(frame.channel);
    } else if (frame.type === "presence") this.#presence(frame);
    else if (frame.type === "message") this.#message(frame.channel, frame.offset, frame.id);
    else if (frame.type === "advance") this.#advance(frame.channel, frame.offset);
    else if (frame.type === "system" && frame.event === "gap") this.#gap(frame);
  }

  #join(channel: string, { epoch, offset, from, recovered, reason }: Joined): void {
    const asked = this.#asked.get(channel);
    this.#asked.delete(channel);
    const at = () =>
      `join of ${channel} at ${epoch} ${offset}, from ${from}, ${recovered} ${reason}, asked ${show(asked)}`;
    if (this.positions.has(channel)) return; // it was subscribed already, and its position stays
    this.positions.set(channel, { epoch, offset: from - 1 });
    this.#expect(from >= 1 && from <= offset + 1, at);
    if (asked === undefined) this.#expect(from === offset + 1 && recovered === undefined, at);
    else if (recovered === true) this.#expect(asked.epoch === epoch && from === asked.offset + 1, at);
    else {
      this.#expect(recovered === false && reason !== undefined, at);
      // The SDK asks for everything there is by a position of an epoch that no channel has.
      if (reason === "epoch-changed" && asked.epoch !== "_") this.#checkKept(at);
      if (reason === "history-too-short") {
        this.#expect(asked.epoch === epoch && from > asked.offset + 1, at);
        this.#checkLost(channel, { epoch, offset: from - 1 }, at);
      }
    }
  }

  #presence(frame: IncomingFrame & { readonly type: "presence" }): void {
    const { channel } = frame;
    const observer = this.#presences.get(channel) ?? new PresenceObserver();
    this.#presences.set(channel, observer);
    observer.take(frame);
    if ("event" in frame && frame.event === "left" && this.#simulation.onlyRolls) {
      this.#simulation.history.violate("no notice of a move", `${this.#name}: ${frame.connection_id} left ${channel}`);
    }
    for (const fault of observer.faults.splice(0)) {
      this.#simulation.history.violate("presence fits its events", `${this.#name}: ${channel}: ${fault}`);
    }
  }

  #message(channel: string, offset: number | undefined, id: string): void {
    const known = this.positions.get(channel);
    const at = () => `${channel}: message ${offset} ${id} at ${show(known)}`;
    this.#expect(known !== undefined, at);
    if (known === undefined || offset === undefined) return;
    this.#expect(offset === known.offset + 1, at);
    this.#simulation.history.seen++;
    this.#simulation.history.observe(this.#name, channel, { epoch: known.epoch, offset }, id);
    this.positions.set(channel, { epoch: known.epoch, offset });
  }

  #advance(channel: string, offset: number): void {
    const known = this.positions.get(channel);
    const at = () => `${channel}: advance to ${offset} at ${show(known)}`;
    this.#expect(known !== undefined && offset > known.offset, at);
    if (known !== undefined) this.positions.set(channel, { epoch: known.epoch, offset });
  }

  #gap(frame: { channel: string; epoch: string; from: number; to: number; reason: string }): void {
    const { channel, epoch, from, to, reason } = frame;
    const known = this.positions.get(channel);
    const at = () => `${channel}: gap ${epoch} ${from} to ${to} (${reason}) at ${show(known)}`;
    this.#expect(known !== undefined, at);
    if (reason === "history-too-short") {
      this.#expect(known?.epoch === epoch && from === known.offset + 1 && to >= from, at);
      this.#checkLost(channel, { epoch, offset: to }, at);
    } else {
      this.#expect(known?.epoch !== epoch && from === 1, at);
      this.#checkKept(at);
    }
    this.positions.set(channel, { epoch, offset: to });
  }

  #checkKept(at: () => string): void {
    const { history, keepsEpochs } = this.#simulation;
    const text = () => `${this.#name}: ${at()}`;
    history.expect(!keepsEpochs, "no notice of a failover that lost nothing", text);
  }

  #checkLost(channel: string, last: Position, at: () => string): void {
    const { history, mayForget } = this.#simulation;
    if (mayForget || !this.#simulation.isKept(channel, last)) return;
    history.violate("no gap while history reaches back", `${this.#name}: ${at()}`);
  }

  #expect(isTrue: boolean, otherwise: () => string): void {
    this.#simulation.history.expect(isTrue, "contiguous or announced", () => `${this.#name}: ${otherwise()}`);
  }
}

function show(position: Position | undefined): string {
  return position === undefined ? "nowhere" : `${position.epoch} ${position.offset}`;
}
