import { type ChannelName, parseChannelName } from "../../protocol/channel-name.ts";
import { formatCursor, type Position } from "../../protocol/position.ts";
import type { ClientRecord, Join } from "./client-record.ts";

/** A client under test. It reconnects by itself whenever its connection breaks. */
export interface FaultClient {
  readonly record: ClientRecord;
  readonly channels: readonly string[];
  /** How many welcomes it received. */
  readonly welcomes: number;
  /** Whether it is connected now. */
  readonly isConnected: boolean;
  start(): void;
  /** Reconnects at once instead of waiting. */
  retryNow(): void;
  /** Disconnects for good. */
  stop(): void;
}

/** The options of every client of a run. */
export interface ClientOptions {
  /** Such as `http://127.0.0.1:40001`. */
  readonly url: string;
  readonly record: ClientRecord;
  readonly channels: readonly string[];
  /** If false, the client reconnects without a position, and the checker must find what it misses. */
  readonly resumes: boolean;
  /** From 0 up to 1. */
  random(): number;
}

/** The fields of a frame that these clients use. */
export interface ReceivedFrame {
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

/** Delay before the next try. Milliseconds. */
export function reconnectDelayMs(random: () => number): number {
  return 20 + random() * 200;
}

/** The query of a handshake, without `since`. */
export function channelQuery(channels: readonly string[]): URLSearchParams {
  return new URLSearchParams(channels.map((it): [string, string] => ["channel", it]));
}

/** The cursor that the client sends; empty before its first connection. */
export function cursorOf(record: ClientRecord, channels: readonly string[]): string {
  const positions = new Map<ChannelName, Position>();
  for (const channel of channels) {
    const name = parseChannelName(channel);
    const place = record.place(channel);
    if (name !== undefined && place !== undefined) positions.set(name, place);
  }
  return formatCursor(positions);
}

/** Records what a frame says about the client's channels. */
export function recordFrame(frame: ReceivedFrame, { record, channels, resumes }: ClientOptions): void {
  const { channel = "", offset = 0, epoch = "", from = 0, to = 0, reason = "" } = frame;
  if (frame.event === "welcome") {
    for (const it of channels) {
      const join = frame.channels?.[it];
      if (join !== undefined) record.joined(it, join, resumes);
    }
  } else if (frame.type === "message" && channels.includes(channel)) record.message(channel, offset, `${frame.data}`);
  else if (frame.event === "gap" && channels.includes(channel)) record.gap(channel, { epoch, from, to, reason });
}
