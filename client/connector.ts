import type { ClientCommand, IncomingFrame } from "../protocol/client-codec.ts";
import { isFinal } from "../protocol/close-codes.ts";
import type { DrainingFrame, Ref, WelcomeFrame } from "../protocol/frames.ts";
import { Attempt } from "./attempt.ts";
import { backoff, longestWaitMs } from "./backoff.ts";
import type { Timer } from "./clock.ts";
import type { Goodbye } from "./goodbye.ts";
import type { ConnectionState } from "./state.ts";
import type { TransportName, World } from "./world.ts";

/** A connection that lasted so long was a good one: the next failure counts as the first. Milliseconds. */
const goodMs = 5000;
const none: Goodbye = { code: 0, reason: "" };

export interface ConnectorOptions {
  readonly url: URL;
  readonly token: () => string | undefined | Promise<string | undefined>;
  /** In the order of preference; at least one. */
  readonly transports: readonly TransportName[];
  /** Stay on a server that drains and has no successor, until it closes. */
  readonly stay: boolean;
}

/** Whom the connector tells. */
export interface ConnectorEvents {
  onState(state: ConnectionState): void;
  /** What a new connection should say of channels and positions. */
  describe(transport: TransportName): URLSearchParams;
  /** Another connection counts from now on: what the one before did not answer is open again. */
  onWelcome(welcome: WelcomeFrame): void;
  onFrame(frame: IncomingFrame): void;
  /** The server did not want what a handshake said. @returns whether the next one would say something else */
  onRefused(goodbye: Goodbye): boolean;
}

/**
 * Keeps one connection to the server, whatever happens to it.
 *
 * At any time there is at most one connection that counts (`#current`, welcomed) and one on its way (`#next`). Whoever is
 * welcomed counts from then on; the one before is left, and nothing it still says is heard: what it might have said, the
 * new one says as well, since it began at the position of that moment.
 */
export class Connector {
  readonly #options: ConnectorOptions;
  readonly #events: ConnectorEvents;
  readonly #world: World;
  #state: ConnectionState = { status: "closed", ...none, nextTryAt: undefined };
  #goodbye = none;
  #current: Attempt | undefined;
  #next: Attempt | undefined;
  #timer: Timer | undefined;
  #failures = 0;
  #resumeKey: string | undefined;
  /** Which transport is tried next; behind the last one: the first. */
  #transportAt = 0;
  #stopWaking: (() => void) | undefined;
  /** The server goes: come back not before this moment. */
  #slotAt = 0;

  constructor(options: ConnectorOptions, events: ConnectorEvents, world: World) {
    this.#options = options;
    this.#events = events;
    this.#world = world;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** Begins, or tries at once where the next try is waited for. */
  connect(): void {
    this.#stopWaking ??= this.#world.onWake(() => this.#wake());
    if (this.#current || this.#next) return;
    const isAnew = this.#state.status === "closed";
    if (isAnew) {
      this.#failures = 0;
      this.#goodbye = none;
    }
    this.#open();
    if (isAnew) this.#tell("connecting", none);
  }

  /** Ends for good. */
  close(goodbye: Goodbye = { code: 1000, reason: "closed by the client" }): void {
    this.#timer?.cancel();
    this.#stopWaking?.();
    this.#current?.leave();
    this.#next?.leave();
    this.#stopWaking = this.#current = this.#next = undefined;
    if (this.#state.status !== "closed") this.#tell("closed", goodbye);
  }

  /** Nothing happens where nobody was welcomed: what matters is said again then. */
  send(command: ClientCommand, ref?: Ref): void {
    this.#current?.send(command, ref);
  }

  #open(): void {
    this.#timer?.cancel();
    const attempt: Attempt = new Attempt(this.#world.clock, {
      onFrames: (frames) => this.#hear(attempt, frames),
      // The one on its way says what was wanted when it left; what is new is seen to after its welcome.
      onOutgrown: () => this.#next ?? this.#open(),
      onEnd: (goodbye) => this.#ended(attempt, goodbye),
    });
    this.#next = attempt;
    void this.#dial(attempt);
    if (this.#goodbye !== none && !this.#current) this.#tell("reconnecting", this.#goodbye);
  }

  async #dial(attempt: Attempt): Promise<void> {
    const { url, token, transports } = this.#options;
    let code = 4010; // no token is as bad as one that expired: the next try asks for another
    try {
      const secret = await token();
      code = 1006;
      const name = transports[this.#transportAt] ?? "websocket";
      const open = await this.#world.transports[name]();
      // Nothing is waited for from here on: what is described now is what the server is told.
      const query = new URLSearchParams([...url.searchParams, ...this.#events.describe(name)]);
      // Also after a break: the server may not know yet that the connection before is dead.
      if (this.#resumeKey) query.set("takes_over", this.#resumeKey);
      attempt.open(open, { url, query, token: secret });
    } catch (error) {
      attempt.end({ code, reason: `${error}` });
    }
  }

  #hear(attempt: Attempt, frames: readonly IncomingFrame[]): void {
    for (const frame of frames) {
      if (frame.type === "system" && frame.event === "welcome" && attempt === this.#next) this.#welcome(attempt, frame);
      if (attempt !== this.#current) return;
      if (frame.type === "system" && frame.event === "draining") this.#drain(frame);
      this.#events.onFrame(frame);
    }
  }

  #welcome(attempt: Attempt, frame: WelcomeFrame): void {
    this.#timer?.cancel();
    this.#current?.leave();
    this.#current = attempt;
    this.#next = undefined;
    this.#slotAt = 0;
    this.#resumeKey = frame.resume_key;
    this.#events.onWelcome(frame);
    if (this.#state.status !== "connected") this.#tell("connected", none);
  }

  #drain({ reconnect_after_ms, successor, message }: DrainingFrame): void {
    const { clock } = this.#world;
    this.#slotAt = clock.now() + reconnect_after_ms;
    if (this.#options.stay && !successor) return;
    this.#timer?.cancel();
    // With a successor a little early: a server that moves its clients closes at the slot.
    const waitMs = Math.min(successor ? 0.9 * reconnect_after_ms : reconnect_after_ms, longestWaitMs);
    this.#timer = clock.setTimeout(() => {
      if (successor) this.#open();
      else this.#current?.end({ code: 1012, reason: message });
    }, waitMs);
  }

  #ended(attempt: Attempt, goodbye: Goodbye): void {
    const { code } = goodbye;
    const wasCurrent = attempt === this.#current;
    if (wasCurrent) this.#current = undefined;
    else this.#next = undefined;
    if (this.#next) {
      // It is being taken over, and with 1000 the server says just that.
      if (code !== 1000) this.#tell("reconnecting", goodbye);
      return;
    }
    if (isFinal(code) && (wasCurrent || !this.#events.onRefused(goodbye))) {
      // A refused successor: the connection that there is goes on as long as it can.
      if (!this.#current) this.close(goodbye);
      return;
    }
    if (attempt.welcomedAt && this.#world.clock.now() - attempt.welcomedAt >= goodMs) this.#failures = 0;
    if (wasCurrent || code !== 1006 || !this.#canTryOther()) this.#comeBack(goodbye);
    else this.#open();
  }

  /**
   * Something on the way may let no WebSocket through. Seen from here that looks like a server that is away, so after two
   * failures the other transport has its turn at once, and only if it gets through it is kept: a server that is away answers
   * neither.
   */
  #canTryOther(): boolean {
    const at = this.#failures > 0 ? this.#transportAt + 1 : 0;
    this.#transportAt = at % this.#options.transports.length;
    return this.#transportAt > 0;
  }

  #comeBack(goodbye: Goodbye): void {
    const { clock, random, isOnline } = this.#world;
    const now = clock.now();
    const jitterMs = backoff(this.#failures++, random());
    const wantedMs = Math.max(jitterMs, this.#slotAt - now, goodbye.retryAfterMs ?? 0);
    const waitMs = Math.min(wantedMs, longestWaitMs);
    const isOffline = !this.#current && !isOnline();
    this.#timer?.cancel();
    if (!isOffline) this.#timer = clock.setTimeout(() => this.#open(), waitMs);
    if (isOffline) this.#tell("offline", goodbye);
    else if (!this.#current) this.#tell("reconnecting", goodbye, now + waitMs);
  }

  #wake(): void {
    const { status, nextTryAt = 0 } = this.#state;
    this.#current?.probe();
    if (this.#current || this.#next) return;
    if (!this.#world.isOnline()) {
      this.#timer?.cancel();
      if (status === "reconnecting") this.#tell("offline", this.#goodbye);
    } else if (status === "offline" || this.#world.clock.now() >= nextTryAt) this.#open(); // a sleeping machine's timers stand still
  }

  /** Always the last thing that is done: who is told may close the client, or connect. */
  #tell(status: ConnectionState["status"], goodbye: Goodbye, nextTryAt?: number): void {
    const { code, reason } = goodbye;
    this.#goodbye = goodbye;
    this.#state = { status, code, reason, nextTryAt };
    this.#events.onState(this.#state);
  }
}
