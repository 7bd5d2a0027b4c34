import { type Client, createClient } from "../../client/client.ts";
import type { TransportName } from "../../client/environment.ts";
import type { ClientOptions, FaultClient } from "./fault-client.ts";

/** The SDK over one transport. Checks the messages that it passes to the application. */
export class SdkClient implements FaultClient {
  welcomes = 0;
  readonly #options: ClientOptions;
  readonly #transport: TransportName;
  #client: Client | undefined;

  constructor(options: ClientOptions, transport: TransportName) {
    this.#options = options;
    this.#transport = transport;
  }

  get record() {
    return this.#options.record;
  }

  get channels() {
    return this.#options.channels;
  }

  get isConnected(): boolean {
    return this.#client?.state.status === "connected";
  }

  start(): void {
    const { url, channels } = this.#options;
    const client = createClient(url, { transports: [this.#transport] });
    this.#client = client;
    client.on("state", ({ status }) => {
      if (status === "connected") this.welcomes++;
    });
    for (const channel of channels) this.#read(client, channel);
  }

  retryNow(): void {
    this.#client?.connect();
  }

  stop(): void {
    this.#client?.close();
  }

  #read(client: Client, name: string): void {
    const { record } = this.#options;
    const channel = client.channel<unknown>(name, { since: "earliest" });
    // The SDK does not report where it began. That is known from its first message.
    const begin = (from: number) => {
      const { epoch = "" } = channel.position ?? {};
      if (record.place(name) === undefined) record.joined(name, { epoch, from }, false);
    };
    channel.on("message", ({ offset = 0, data }) => {
      begin(offset);
      record.message(name, offset, `${data}`);
    });
    channel.on("gap", (gap) => {
      begin(gap.from);
      record.gap(name, gap);
    });
  }
}
