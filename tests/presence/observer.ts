/** A frame about the presence of one channel, with the fields that are used. */
export interface PresenceFrameSeen {
  readonly type?: unknown;
  readonly event?: unknown;
  readonly epoch?: unknown;
  readonly position?: unknown;
  readonly count?: unknown;
  readonly connection_id?: unknown;
  readonly user_id?: unknown;
  readonly members?: unknown;
}

interface Member {
  readonly connection_id: string;
  readonly user_id?: string;
}

/**
 * Follows the presence of one channel on one connection by the rule of docs/presence.md: an answer of one page, and the events
 * after its position. Independent of the SDK, and strict: whatever contradicts the rule is a fault.
 */
export class PresenceObserver {
  readonly faults: string[] = [];
  /** The user of each connection; undefined while it is not known. */
  members: Map<string, string | undefined> | undefined;
  readonly joined = new Map<string, number>();
  readonly left = new Map<string, number>();
  /** Since the last reset. */
  #events: PresenceFrameSeen[] = [];
  /** Up to where the members are true. */
  #known: { readonly epoch: unknown; readonly position: number } = { epoch: undefined, position: 0 };

  /** Whether the presence must be asked for. */
  get mustAsk(): boolean {
    return this.members === undefined;
  }

  /** The users, one for each connection, sorted. */
  get users(): string[] {
    return Array.from(this.members?.values() ?? [], (it) => it ?? "-").sort();
  }

  take(frame: PresenceFrameSeen): void {
    if (frame.type !== "presence") return;
    if (frame.event === undefined) this.#answer(frame);
    else if (frame.event === "reset") {
      this.members = undefined;
      this.#events = [];
    } else this.#event(frame);
  }

  /** An answer can be older than the events before it. */
  #answer({ members, epoch, position, count }: PresenceFrameSeen): void {
    const page = (members ?? []) as readonly Member[];
    if (page.length !== count) this.faults.push(`an answer counts ${count} and lists ${page.length}`);
    const later = this.#events.filter((it) => it.epoch !== epoch || Number(it.position) > Number(position));
    const isContinued = later.every((it, at) => it.epoch === epoch && it.position === Number(position) + 1 + at);
    this.#known = { epoch, position: Number(position) };
    // Events of another epoch, or after a hole, have no place behind this answer: it must be asked for again.
    this.members = isContinued ? new Map(page.map((it) => [it.connection_id, it.user_id])) : undefined;
    for (const event of this.members === undefined ? [] : later) this.#apply(event);
  }

  #event(frame: PresenceFrameSeen): void {
    const position = Number(frame.position);
    const last = this.#events.at(-1);
    if (last !== undefined && (last.epoch !== frame.epoch || Number(last.position) + 1 !== position)) {
      this.faults.push(`event ${frame.epoch} ${position} follows ${last.epoch} ${last.position} without a reset`);
    }
    this.#events.push(frame);
    this.#note(frame);
    if (this.members === undefined) return;
    const { epoch, position: known } = this.#known;
    if (epoch !== frame.epoch || position > known + 1) this.members = undefined;
    else if (position === known + 1) this.#apply(frame);
  }

  #note({ event, connection_id, epoch }: PresenceFrameSeen): void {
    const counts = event === "joined" ? this.joined : this.left;
    const key = `${epoch} ${connection_id}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }

  #apply({ event, connection_id, user_id, count, position, epoch }: PresenceFrameSeen): void {
    const { members } = this;
    this.#known = { epoch, position: Number(position) };
    if (members === undefined) return;
    const id = String(connection_id);
    if (members.has(id) === (event === "joined"))
      this.faults.push(`${event} of ${id} at ${position}, which contradicts`);
    if (event === "joined") members.set(id, user_id === undefined ? undefined : String(user_id));
    else members.delete(id);
    if (members.size !== count) this.faults.push(`event ${position} counts ${count}, and there are ${members.size}`);
  }
}
