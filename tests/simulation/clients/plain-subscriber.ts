import { cursorPart } from "../../../client/cursor.ts";
import type { IncomingFrame } from "../../../protocol/client-codec.ts";
import { isFinal } from "../../../protocol/close-codes.ts";
import type { Position } from "../../../protocol/position.ts";
import type { Timer } from "../../../server/lib/clock.ts";
import type { ClientPlan } from "../plan.ts";
import { heartbeat } from "../sim-node.ts";
import type { ClientContext } from "./client-context.ts";
import { FrameChecker } from "./frame-checker.ts";
import { type ClientHost, Link } from "./link.ts";
import type { Subscriber } from "./subscriber.ts";

/** A client without a library: it connects, remembers positions, and resumes from them after a broken connection. */
export class PlainSubscriber implements Subscriber {
  readonly host: ClientHost;
  readonly plan: ClientPlan;
  readonly unsettled = 0;
  notices = 0;
  endedWith = "";
  hasEnded = false;
  sentTakesOver = false;
  readonly #simulation: ClientContext;
  #link: Link | undefined;
  #checker: FrameChecker | undefined;
  #positions = new Map<string, Position>();
  #resumeKey: string | undefined;
  #isWelcomed = false;
  #failures = 0;
  #silence: Timer | undefined;

  constructor(simulation: ClientContext, plan: ClientPlan, host: ClientHost) {
    this.#simulation = simulation;
    this.plan = plan;
    this.host = host;
  }

  get links(): readonly Link[] {
    return this.#link === undefined ? [] : [this.#link];
  }

  get isConnected(): boolean {
    return this.#link !== undefined && this.#isWelcomed;
  }

  start(): void {
    if (this.hasEnded) return;
    const query = new URLSearchParams();
    const { userId, channels, takesOver } = this.plan;
    if (userId !== undefined) query.set("user_id", userId);
    for (const channel of channels) query.append("channel", channel);
    const cursor = Array.from(this.#positions, ([channel, position]) => cursorPart(channel, position)).join();
    if (cursor !== "") query.set("since", cursor);
    if (takesOver && this.#resumeKey !== undefined) query.set("takes_over", this.#resumeKey);
    this.sentTakesOver = query.has("takes_over");
    const { process } = this.host;
    this.#isWelcomed = false;
    this.#checker = new FrameChecker(process.name, this.#simulation, this.#positions);
    const link = new Link(
      this.host,
      this.#simulation.pickNode(process),
      { query: `${query}`, speaksBatches: false },
      {
        onFrames: (frames) => {
          this.#restartSilenceTimer();
          for (const frame of frames) this.#take(frame);
        },
        onPing: () => this.#restartSilenceTimer(),
        onEnd: (code, reason) => this.#ended(link, code, reason),
      },
    );
    this.#link = link;
    this.#restartSilenceTimer();
  }

  positionOf(channel: string): Position | undefined {
    return this.#positions.get(channel);
  }

  publish(channel: string, id: string, message: string): void {
    // It does not wait for the ack, so it does not know whether the publication was stored.
    if (this.#isWelcomed) this.#link?.send(JSON.stringify({ type: "publish", channel, id, message, echo: false }));
  }

  leave(): void {
    this.hasEnded = true;
    this.#silence?.cancel();
    this.#link?.close();
  }

  wake(): void {
    // A plain client does not notice that its machine was asleep.
  }

  #take(frame: IncomingFrame): void {
    const checker = this.#checker;
    if (checker === undefined) return;
    checker.take(frame);
    this.#positions = new Map(checker.positions);
    if (frame.type !== "system") return;
    if (frame.event === "welcome") {
      this.#isWelcomed = true;
      this.#failures = 0;
      this.#resumeKey = frame.resume_key;
    } else if (frame.event === "joined" || frame.event === "left") this.notices++;
  }

  /** A server that is alive pings: longer silence means that the connection is dead. */
  #restartSilenceTimer(): void {
    this.#silence?.cancel();
    this.#silence = this.host.process.setTimeout(() => this.#link?.close(), 2.5 * heartbeat.interval);
  }

  #ended(link: Link, code: number, reason: string): void {
    if (link !== this.#link) return;
    this.#link = undefined;
    this.#isWelcomed = false;
    this.#silence?.cancel();
    this.endedWith = `${code} ${reason}`;
    if (isFinal(code)) this.hasEnded = true;
    if (this.hasEnded) return;
    const waitMs = Math.min(10_000, 100 * 2 ** this.#failures++) * this.host.process.dice.between(0.5, 1);
    this.host.process.setTimeout(() => this.start(), waitMs);
  }
}
