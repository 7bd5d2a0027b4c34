import type { Socket } from "bun";
import type { PublishRequest } from "../drivers/driver.ts";

/** Makes the next push. */
export type NextPush = () => PublishRequest;

interface State {
  /** Pushes that were sent and not answered yet. */
  waiting: number;
  /** The incomplete status line at the end of the last chunk. */
  rest: string;
}

const statusLine = "HTTP/1.1 ";

/** Pushes over keep-alive connections of raw HTTP, which cost little compared with the server. */
export class Pusher {
  answered = 0;
  refused = 0;
  readonly #sockets: Socket<State>[];
  readonly #nextPush: NextPush;
  readonly #host: string;
  #onAnswer: (socket: Socket<State>) => void = () => undefined;

  private constructor(sockets: Socket<State>[], port: number, nextPush: NextPush) {
    this.#sockets = sockets;
    this.#nextPush = nextPush;
    this.#host = `127.0.0.1:${port}`;
  }

  static async connect(port: number, connections: number, nextPush: NextPush): Promise<Pusher> {
    const sockets: Socket<State>[] = [];
    const pusher = new Pusher(sockets, port, nextPush);
    while (sockets.length < connections) {
      sockets.push(
        await Bun.connect<State>({
          hostname: "127.0.0.1",
          port,
          data: { waiting: 0, rest: "" },
          socket: { data: (socket, data) => pusher.#read(socket, data.toString("latin1")) },
        }),
      );
    }
    return pusher;
  }

  /** Sends one push after the other on each connection. */
  async saturate(seconds: number): Promise<void> {
    const end = performance.now() + seconds * 1000;
    await new Promise<void>((resolve) => {
      this.#onAnswer = (socket) => {
        if (performance.now() < end) this.#send(socket);
        else if (this.#sockets.every(({ data }) => data.waiting === 0)) resolve();
      };
      for (const socket of this.#sockets) this.#send(socket);
    });
  }

  /** Sends this many pushes, one after the other on each connection. Resolves when all are answered. */
  async repeat(pushes: number): Promise<void> {
    const end = this.answered + pushes;
    let left = pushes;
    await new Promise<void>((resolve) => {
      this.#onAnswer = (socket) => {
        if (left-- > 0) this.#send(socket);
        else if (this.answered === end) resolve();
      };
      for (const socket of this.#sockets) if (left-- > 0) this.#send(socket);
    });
  }

  /**
   * Sends this many pushes per second, each on an idle connection, because the runtime closes a connection that sends a
   * second request before the answer to the first. Resolves when all are answered.
   */
  async pace(perSecond: number, seconds: number): Promise<void> {
    const begin = performance.now();
    const total = perSecond * seconds;
    const free = [...this.#sockets];
    this.#onAnswer = (socket) => free.push(socket);
    for (let sent = 0; sent < total || free.length < this.#sockets.length; ) {
      const due = Math.min(total, Math.floor(((performance.now() - begin) / 1000) * perSecond));
      while (sent < due) {
        const socket = free.shift();
        if (socket === undefined) break;
        this.#send(socket);
        sent++;
      }
      await Bun.sleep(1);
    }
  }

  close(): void {
    for (const socket of this.#sockets) socket.end();
  }

  #send(socket: Socket<State>): void {
    const { path, body } = this.#nextPush();
    socket.data.waiting++;
    socket.write(
      `POST ${path} HTTP/1.1\r\nHost: ${this.#host}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
  }

  #read(socket: Socket<State>, text: string): void {
    const all = socket.data.rest + text;
    let at = all.indexOf(statusLine);
    let seen = 0;
    while (at >= 0 && at + statusLine.length + 3 <= all.length) {
      if (!all.startsWith("200", at + statusLine.length)) this.refused++;
      seen = at + statusLine.length + 3;
      socket.data.waiting--;
      this.answered++;
      this.#onAnswer(socket);
      at = all.indexOf(statusLine, seen);
    }
    socket.data.rest = all.slice(Math.max(seen, all.length - statusLine.length - 3));
  }
}
