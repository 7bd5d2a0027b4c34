import { type ChannelName, parseChannelName } from "../../protocol/channel-name.ts";
import { formatCursor, type Position } from "../../protocol/position.ts";
import type { ClientRecord, Join } from "./client-record.ts";

/** One client under test, which comes back by itself whenever its line breaks. */
export interface FaultClient {
  readonly record: ClientRecord;
  readonly channels: readonly string[];
  /** How often it was welcomed. */
  readonly welcomes: number;
  /** Whether it has a connection now. */
  readonly isConnected: boolean;
  start(): void;
  /** Tries at once where the next try is waited for. */
  hurry(): void;
  /** Leaves for good. */
  stop(): void;
}

/** What every client of a run is told. */
export interface ClientOptions {
  /** Such as `http://127.0.0.1:40001`. */
  readonly url: string;
  readonly record: ClientRecord;
  readonly channels: readonly string[];
  /** Without it the client comes back as if it had never been there: the checker must see what it misses. */
  readonly resumes: boolean;
  /** From 0 up to 1. */
  random(): number;
}

/** A frame as far as these clients look at it. */
export interface Heard {
  readonly type: string;
  readonly event?: string;
  readonly channel?: string;
  readonly offset?: number;
  readonly data?: unknown;
  readonly resume_key?: string;
  readonly channels?: Readonly<{ [channel: string]: Join }>;
  readonly epoch?: string;
  readonly from?: number;
  readonly to?: number;
  readonly reason?: string;
}

/** Before the next try. Milliseconds. */
export function comeBackMs(random: () => number): number {
  return 20 + random() * 200;
}

/** The query of a handshake but for `since`. */
export function channelQuery(channels: readonly string[]): URLSearchParams {
  return new URLSearchParams(channels.map((it): [string, string] => ["channel", it]));
}

/** Where a client is in its channels, as it says it to the server; empty before its first connection. */
export function cursorOf(record: ClientRecord, channels: readonly string[]): string {
  const positions = new Map<ChannelName, Position>();
  for (const channel of channels) {
    const name = parseChannelName(channel);
    const place = record.place(channel);
    if (name !== undefined && place !== undefined) positions.set(name, place);
  }
  return formatCursor(positions);
}

/** Takes down what a frame says of the client's own channels. */
export function take(frame: Heard, { record, channels, resumes }: ClientOptions): void {
  const { channel = "", offset = 0, epoch = "", from = 0, to = 0, reason = "" } = frame;
  if (frame.event === "welcome") {
    for (const it of channels) {
      const join = frame.channels?.[it];
      if (join !== undefined) record.joined(it, join, resumes);
    }
  } else if (frame.type === "message" && channels.includes(channel)) record.message(channel, offset, `${frame.data}`);
  else if (frame.event === "gap" && channels.includes(channel)) record.gap(channel, { epoch, from, to, reason });
}
