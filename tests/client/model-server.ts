import type { Joined } from "../../protocol/frames.ts";
import type { ScriptedEnvironment, ScriptedSocket } from "./scripted-environment.ts";

/** One connection of the model. */
interface Connection {
  readonly socket: ScriptedSocket;
  /** The last offset that was sent to it. Undefined: not in the channel. */
  cursor: number | undefined;
  /** The number of commands that were read. */
  read: number;
}

/** A minimal server with one channel. It delivers late and in pieces, and has a short history. */
export class ModelServer {
  readonly channel = "room";
  readonly #environment: ScriptedEnvironment;
  readonly #keep: number;
  readonly #connections = new Map<ScriptedSocket, Connection>();
  top = 0;

  /** @param keep how many publications its history has */
  constructor(environment: ScriptedEnvironment, keep: number) {
    this.#environment = environment;
    this.#keep = keep;
  }

  publish(): void {
    this.top++;
  }

  /** Welcomes all clients that wait for it. */
  accept(): void {
    for (const socket of this.#environment.sockets) {
      if (this.#connections.has(socket) || socket.isClosed) continue;
      const connection: Connection = { socket, cursor: undefined, read: 0 };
      this.#connections.set(socket, connection);
      const [, , offset] = (socket.target.query.get("since") ?? "").split("~");
      const isNamed = socket.target.query.has("channel");
      socket.welcome(isNamed ? { [this.channel]: this.#join(connection, offset ? Number(offset) : undefined) } : {});
    }
  }

  /** Performs the commands of the clients, and sends each up to this many publications. */
  serve(count: number): void {
    for (const connection of this.#connections.values()) {
      if (connection.socket.isClosed) continue;
      this.#readCommands(connection);
      for (let sent = 0; sent < count && connection.cursor !== undefined && connection.cursor < this.top; sent++)
        this.#deliverNext(connection);
    }
  }

  /** Breaks every connection that is open or opening. */
  cut(): void {
    for (const socket of this.#environment.sockets) if (!socket.isClosed) socket.end(1006);
  }

  drain(): void {
    for (const { socket } of this.#connections.values()) if (!socket.isClosed) socket.draining(true, 100);
  }

  #readCommands(connection: Connection): void {
    const { socket } = connection;
    for (const { command, ref } of socket.sent.slice(connection.read)) {
      if (command.type === "unsubscribe") connection.cursor = undefined;
      if (command.type !== "subscribe") continue;
      const { since } = command;
      const joined = this.#join(connection, typeof since === "object" ? since.offset : undefined);
      socket.deliver({ type: "subscribed", channel: this.channel, ref, ...joined });
    }
    connection.read = socket.sent.length;
  }

  #join(connection: Connection, after: number | undefined): Joined {
    const oldest = Math.max(0, this.top - this.#keep);
    connection.cursor = Math.max(after ?? this.top, oldest);
    const joined = { epoch: "e", offset: this.top, from: connection.cursor + 1 };
    if (after === undefined) return joined;
    return after >= oldest
      ? { ...joined, recovered: true }
      : { ...joined, recovered: false, reason: "history-too-short" };
  }

  #deliverNext(connection: Connection): void {
    const from = (connection.cursor ?? 0) + 1;
    const oldest = this.top - this.#keep + 1;
    connection.cursor = Math.max(from, oldest);
    if (from < oldest) {
      const gap = { reason: "history-too-short", epoch: "e", from, to: oldest - 1, message: "" };
      connection.socket.deliver({ type: "system", event: "gap", channel: this.channel, ...gap });
    }
    connection.socket.message(this.channel, connection.cursor);
  }
}
