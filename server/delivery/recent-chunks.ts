import type { Publication } from "../../protocol/publication.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import { Push } from "../session/push.ts";
import type { Membership } from "../session/session.ts";
import type { Encoded, WireForm } from "../session/wire-form.ts";
import { excludedBy, withoutExcluded } from "./exclusion.ts";

/** In a reconnect storm, sessions that lag by the same amount are served within this time. Milliseconds. */
const rememberMs = 1000;

/** Publications of one channel that were sent to a lagging session in one write, without gaps. */
export interface Chunk {
  /** The last offset. */
  readonly last: number;
  /** Publications. */
  readonly count: number;
  readonly wireBytes: number;
  readonly encoded: Encoded;
  /** Connections that must not receive all of it. */
  readonly excluded: ReadonlySet<string>;
}

/**
 * The chunks that were sent within the last second, so that sessions with the same cursor share them: after a restart,
 * thousands of clients resume from the same positions. Each chunk is read from history once and encoded once per wire form
 * (bench/resume --pause 12: 275 instead of 803 µs per client).
 *
 * Beyond the limit, a new chunk replaces the newest one, because the oldest is needed next if sessions come in turn from many
 * channels. One chunk is kept whatever its size: encoding a publication of 15 MB for each of a hundred readers makes more
 * garbage than the collector can handle.
 */
export class RecentChunks {
  readonly #maxBytes: number;
  readonly #clock: Clock;
  /** By the cursor before the chunk. */
  readonly #chunks = new Map<WireForm, Map<string, Chunk>>();
  #bytes = 0;
  #newest: { readonly form: WireForm; readonly cursor: string } | undefined;
  #timer: Timer | undefined;

  /** @param maxBytes the limit for the encoded texts, not counting the newest chunk */
  constructor(maxBytes: number, clock: Clock) {
    this.#maxBytes = maxBytes;
    this.#clock = clock;
  }

  /** The chunk that another session with this cursor was sent. */
  after({ session, cursorText }: Membership): Chunk | undefined {
    const chunk = this.#chunks.get(session.connection.wireForm)?.get(cursorText);
    return chunk?.excluded.has(session.id) ? undefined : chunk;
  }

  /** Makes the chunk of the publications after the member's cursor. @param pushes at least one */
  make({ session, channel, cursorText }: Membership, pushes: readonly Push[]): Chunk {
    const form = session.connection.wireForm;
    const excluded = excludedBy(pushes);
    const isExcluded = excluded.has(session.id);
    const chunk = {
      last: pushes.at(-1)?.publication.offset ?? 0,
      count: pushes.length,
      wireBytes: wireBytesOf(pushes),
      encoded: form.encode(isExcluded ? withoutExcluded(pushes, channel.name, session.id) : pushes),
      excluded,
    };
    if (!isExcluded) this.#remember(form, cursorText, chunk);
    return chunk;
  }

  #remember(form: WireForm, cursor: string, chunk: Chunk): void {
    if (this.#bytes > this.#maxBytes) this.#forgetNewest();
    const chunks = this.#chunks.get(form) ?? new Map<string, Chunk>();
    this.#chunks.set(form, chunks);
    this.#bytes += chunk.wireBytes - (chunks.get(cursor)?.wireBytes ?? 0);
    chunks.set(cursor, chunk);
    this.#newest = { form, cursor };
    this.#timer ??= this.#clock.setTimeout(this.#forgetAll, rememberMs);
  }

  #forgetNewest(): void {
    if (this.#newest === undefined) return;
    const { form, cursor } = this.#newest;
    const chunks = this.#chunks.get(form);
    this.#bytes -= chunks?.get(cursor)?.wireBytes ?? 0;
    chunks?.delete(cursor);
  }

  readonly #forgetAll = (): void => {
    this.#timer = undefined;
    this.#newest = undefined;
    this.#chunks.clear();
    this.#bytes = 0;
  };
}

/** As many publications as fit into `maxBytes` on the wire; at least one, even if it is larger. */
export function cutChunk(publications: readonly Publication[], maxBytes: number): readonly Push[] {
  const pushes: Push[] = [];
  let bytes = 0;
  for (const publication of publications) {
    const push = new Push(publication);
    bytes += push.wireBytes;
    if (bytes > maxBytes && pushes.length > 0) break;
    pushes.push(push);
  }
  return pushes;
}

export function wireBytesOf(pushes: readonly Push[]): number {
  let bytes = 0;
  for (const push of pushes) bytes += push.wireBytes;
  return bytes;
}
