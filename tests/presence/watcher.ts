import { type Frame, SocketUnderTest } from "../e2e/socket.ts";
import { PresenceObserver } from "./observer.ts";

/** A plain client that follows the presence of one channel. The server must not limit presence requests. */
export class PresenceWatcher implements Disposable {
  readonly observer = new PresenceObserver();
  readonly socket: SocketUnderTest;
  readonly #channel: string;
  #taken = 0;
  #asked = 0;

  private constructor(socket: SocketUnderTest, channel: string) {
    this.socket = socket;
    this.#channel = channel;
  }

  static async open(wsUrl: string, channel: string): Promise<PresenceWatcher> {
    return new PresenceWatcher(await SocketUnderTest.open(`${wsUrl}?user_id=watcher&channel=${channel}`), channel);
  }

  /** The users in the channel as this client knows them now, without itself. @throws Error if the server cannot tell now */
  async users(): Promise<readonly string[]> {
    this.#read();
    while (this.observer.mustAsk) {
      const ref = `presence ${++this.#asked}`;
      this.socket.send({ type: "presence", channel: this.#channel, ref });
      const { code } = await this.socket.until((it) => it.ref === ref);
      if (code !== undefined) throw new Error(`the presence could not be read: ${code}`);
      this.#read();
    }
    return this.observer.users.filter((it) => it !== "watcher");
  }

  /** The events that it received, such as `left alice`. */
  get told(): readonly string[] {
    const events = this.socket.frames.filter((it) => it.type === "presence" && it.event !== undefined);
    return events.map(({ event, user_id = "" }: Frame) => `${event} ${user_id}`.trim());
  }

  [Symbol.dispose](): void {
    this.socket[Symbol.dispose]();
  }

  #read(): void {
    const { frames } = this.socket;
    for (const frame of frames.slice(this.#taken)) this.observer.take(frame);
    this.#taken = frames.length;
  }
}
