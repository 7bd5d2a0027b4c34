import type { Driver, OwnClient } from "./driver.ts";
import { type Subscriber, SubscriberRecord } from "./subscriber.ts";

/** A client of the server's own library. */
export class OwnSubscriber implements Subscriber {
  readonly kind = "own client";
  readonly record: SubscriberRecord;
  readonly #client: OwnClient | undefined;

  constructor(driver: Driver, name: string) {
    this.record = new SubscriberRecord(name);
    this.#client = driver.openOwnClient?.((received) => this.record.take(received));
  }

  get isConnected(): boolean {
    return this.#client?.isConnected === true;
  }

  stop(): void {
    this.#client?.close();
  }
}
