import { EventSource } from "eventsource4";
import type { Driver } from "./driver.ts";
import { type Subscriber, SubscriberRecord } from "./subscriber.ts";

/** An EventSource, from the usual library for programs. It reconnects by itself, with its `Last-Event-ID`. */
export class EventSourceSubscriber implements Subscriber {
  readonly kind = "event source";
  readonly record: SubscriberRecord;
  readonly #source: EventSource;

  constructor(driver: Driver, name: string) {
    this.record = new SubscriberRecord(name);
    this.#source = new EventSource(driver.subscriberUrl("sse", undefined));
    let read = driver.makeReader();
    this.#source.onopen = () => {
      read = driver.makeReader();
      this.record.opened();
    };
    this.#source.onerror = () => {
      if (this.#source.readyState === EventSource.CLOSED) this.record.isDead = true;
      else if (this.record.openings.length > this.record.endings.length) this.record.ended(undefined);
    };
    const take = ({ data }: { readonly data: string }) => {
      for (const received of read(data)) this.record.take(received);
    };
    for (const name of ["message", "system", "presence"]) this.#source.addEventListener(name, take);
  }

  get isConnected(): boolean {
    return this.#source.readyState === EventSource.OPEN;
  }

  stop(): void {
    this.#source.close();
  }
}
