import type { Received, ReceivedMessage } from "./driver.ts";

/** The kinds of clients that a run has. */
export type SubscriberKind = "own client" | "websocket" | "event source" | "unaware";

/** A client that stays connected during a run: it reconnects by itself. */
export interface Subscriber {
  readonly kind: SubscriberKind;
  readonly record: SubscriberRecord;
  readonly isConnected: boolean;
  stop(): void;
}

/** A connection that ended. */
export interface Ending {
  readonly at: number;
  /** How the server closed it; undefined if the transport has no codes. */
  readonly code: number | undefined;
}

/** The messages that one subscriber received, over all its connections. Times are those of `performance.now()`. */
export class SubscriberRecord {
  readonly name: string;
  readonly messages: (ReceivedMessage & { readonly at: number })[] = [];
  readonly notices: { readonly at: number; readonly text: string }[] = [];
  readonly gaps: string[] = [];
  /** When its connections opened. */
  readonly openings: number[] = [];
  readonly endings: Ending[] = [];
  /** Whether it gave up for good, as an EventSource does after a response other than 200. */
  isDead = false;

  constructor(name: string) {
    this.name = name;
  }

  get last(): ReceivedMessage | undefined {
    return this.messages.at(-1);
  }

  take(received: Received, at = performance.now()): void {
    if (received.kind === "message") this.messages.push({ ...received, at });
    else if (received.kind === "notice") this.notices.push({ at, text: received.text });
    else this.gaps.push(received.text);
  }

  opened(at = performance.now()): void {
    this.openings.push(at);
  }

  ended(code: number | undefined, at = performance.now()): void {
    this.endings.push({ at, code });
  }

  /** The longest time between two messages, milliseconds. @param isCounted whether a time between these two is counted */
  longestSilenceMs(isCounted: (from: number, to: number) => boolean): number {
    let longest = 0;
    for (const [index, { at }] of this.messages.entries()) {
      const before = this.messages[index - 1]?.at ?? at;
      if (isCounted(before, at)) longest = Math.max(longest, at - before);
    }
    return longest;
  }
}
