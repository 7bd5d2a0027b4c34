import type { Client, ConnectionState, SystemFrame } from "../../../client/index.ts";
import { everyone } from "../../../protocol/channel-name.ts";
import { describeGap, messageLine, systemLine } from "../message-line.ts";
import type { Paint } from "../paint.ts";
import { printable } from "../printable.ts";
import type { Screen } from "./screen.ts";

export interface EarsParts {
  readonly client: Client;
  readonly screen: Pick<Screen, "show">;
  readonly paint: Paint;
  /** Who one is here, and where that is: for the line that says that one is connected. */
  readonly name: string | undefined;
  readonly place: string;
  /** The server does not let us into a channel, or no longer. */
  readonly onRefused: (channel: string) => void;
}

/** Shows everything that comes: messages, what the server says, and how it stands with the connection. */
export class Ears {
  readonly #parts: EarsParts;
  /** The channels that are listened to, each with what ends that. */
  readonly #channels = new Map<string, () => void>();
  #status: ConnectionState["status"] = "connecting";
  #wasWelcomed = false;

  constructor(parts: EarsParts) {
    this.#parts = parts;
    parts.client.on("state", (state) => this.#onState(state));
    parts.client.on("system", (frame) => this.#onSystem(frame));
    this.listen(everyone);
  }

  /** Idempotent. */
  listen(name: string): void {
    if (this.#channels.has(name)) return;
    const { screen, paint, onRefused } = this.#parts;
    const channel = this.#parts.client.channel(name);
    const offs = [
      channel.on("message", (message) =>
        screen.show(messageLine(message, { paint, showChannel: message.channel !== everyone })),
      ),
      channel.on("gap", (gap) => this.alarm(`${name}: ${describeGap(gap)}`)),
      channel.on("error", ({ message }) => {
        this.alarm(printable(message));
        onRefused(name);
      }),
    ];
    this.#channels.set(name, () => {
      for (const off of offs) off();
    });
  }

  /** @returns false where it was not listened to */
  leave(name: string): boolean {
    this.#channels.get(name)?.();
    return this.#channels.delete(name);
  }

  tell(line: string): void {
    this.#parts.screen.show(this.#parts.paint.notice(line));
  }

  alarm(line: string): void {
    this.#parts.screen.show(this.#parts.paint.alarm(line));
  }

  #onSystem(frame: SystemFrame): void {
    if (frame.event === "gap") return; // the channel tells it
    if (frame.event === "closing" || frame.event === "heartbeat") return; // event streams only; the SDK takes them
    const isAgain = frame.event === "welcome" && this.#wasWelcomed;
    if (frame.event === "welcome") {
      this.#wasWelcomed = true;
      if (frame.user_id !== undefined) this.listen(`@${frame.user_id}`);
    }
    const { message, timestamp } = frame;
    if (message !== undefined && !isAgain)
      this.#parts.screen.show(systemLine({ timestamp, message }, this.#parts.paint));
  }

  /** Once per break, not once per try. */
  #onState({ status, code, reason }: ConnectionState): void {
    const { name, place } = this.#parts;
    const as = name === undefined ? "" : ` as ${printable(name)}`;
    if (status === "connected") {
      const isFirst = this.#status === "connecting";
      this.tell(isFirst ? `Connected to ${place}${as}. /help lists the commands, /quit leaves.` : "Connected again.");
    } else if (this.#status === "connected" && status !== "closed") {
      // Of a restart the server told itself; 1006 is only how a broken connection looks.
      const why = reason === "" || code === 1012 || code === 1006 ? "" : ` (${printable(reason)})`;
      this.alarm(`The connection is lost${why}. Trying to connect again …`);
    }
    this.#status = status;
  }
}
