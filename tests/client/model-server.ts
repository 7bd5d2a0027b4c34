import type { Joined } from "../../protocol/frames.ts";
import type { ScriptedEnvironment, ScriptedSocket } from "./scripted-environment.ts";

/** One connection of the model: how far it was served; undefined: not in the channel. */
interface Line {
  readonly socket: ScriptedSocket;
  cursor: number | undefined;
  heard: number;
}

/** A server with one channel, as small as the protocol allows: it says late, in pieces, and forgets. */
export class ModelServer {
  readonly channel = "room";
  readonly #environment: ScriptedEnvironment;
  readonly #keep: number;
  readonly #lines = new Map<ScriptedSocket, Line>();
  top = 0;

  /** @param keep how many publications its history has */
  constructor(environment: ScriptedEnvironment, keep: number) {
    this.#environment = environment;
    this.#keep = keep;
  }

  publish(): void {
    this.top++;
  }

  /** Welcomes whoever waits at the door. */
  accept(): void {
    for (const socket of this.#environment.sockets) {
      if (this.#lines.has(socket) || socket.isClosed) continue;
      const line: Line = { socket, cursor: undefined, heard: 0 };
      this.#lines.set(socket, line);
      const [, , offset] = (socket.target.query.get("since") ?? "").split("~");
      const isNamed = socket.target.query.has("channel");
      socket.welcome(isNamed ? { [this.channel]: this.#join(line, offset ? Number(offset) : undefined) } : {});
    }
  }

  /** Does what clients said, and says up to so many publications to each. */
  serve(count: number): void {
    for (const line of this.#lines.values()) {
      if (line.socket.isClosed) continue;
      this.#hear(line);
      for (let said = 0; said < count && line.cursor !== undefined && line.cursor < this.top; said++) this.#say(line);
    }
  }

  /** Breaks every connection that is open or on its way. */
  cut(): void {
    for (const socket of this.#environment.sockets) if (!socket.isClosed) socket.end(1006);
  }

  drain(): void {
    for (const { socket } of this.#lines.values()) if (!socket.isClosed) socket.draining(true, 100);
  }

  #hear(line: Line): void {
    const { socket } = line;
    for (const { command, ref } of socket.said.slice(line.heard)) {
      if (command.type === "unsubscribe") line.cursor = undefined;
      if (command.type !== "subscribe") continue;
      const { since } = command;
      const joined = this.#join(line, typeof since === "object" ? since.offset : undefined);
      socket.say({ type: "subscribed", channel: this.channel, ref, ...joined });
    }
    line.heard = socket.said.length;
  }

  #join(line: Line, after: number | undefined): Joined {
    const oldest = Math.max(0, this.top - this.#keep);
    line.cursor = Math.max(after ?? this.top, oldest);
    const joined = { epoch: "e", offset: this.top, from: line.cursor + 1 };
    if (after === undefined) return joined;
    return after >= oldest
      ? { ...joined, recovered: true }
      : { ...joined, recovered: false, reason: "history-too-short" };
  }

  #say(line: Line): void {
    const from = (line.cursor ?? 0) + 1;
    const oldest = this.top - this.#keep + 1;
    line.cursor = Math.max(from, oldest);
    if (from < oldest) {
      const gap = { reason: "history-too-short", epoch: "e", from, to: oldest - 1, message: "" };
      line.socket.say({ type: "system", event: "gap", channel: this.channel, ...gap });
    }
    line.socket.message(this.channel, line.cursor);
  }
}
