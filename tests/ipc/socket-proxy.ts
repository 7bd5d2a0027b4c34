import type { Socket } from "bun";
import { makeSocketPath, removeSocketPath } from "../../server/lib/link/socket-path.ts";

interface Pipe {
  other: Socket<Pipe> | undefined;
  /** Data that arrived before the other side was connected. */
  early: Buffer[];
}

/** A proxy between workers and their host. It can cut connections anywhere, also in the middle of a frame. */
export class SocketProxy {
  readonly path = makeSocketPath("proxy");
  readonly #sockets = new Set<Socket<Pipe>>();
  readonly #listener: { stop(closeAll?: boolean): void };
  /** The number of bytes to pass on before all connections are cut. */
  #left = Number.POSITIVE_INFINITY;
  cuts = 0;

  constructor(target: string) {
    this.#listener = Bun.listen<Pipe>({
      unix: this.path,
      socket: {
        ...this.#handlers(),
        open: (guest) => {
          guest.data = { other: undefined, early: [] };
          this.#sockets.add(guest);
          void this.#connect(guest, target);
        },
      },
    });
  }

  /** Cuts all connections after this many more bytes. */
  cutAfter(bytes: number): void {
    this.#left = bytes;
  }

  cut(): void {
    this.cuts++;
    this.#left = Number.POSITIVE_INFINITY;
    for (const socket of this.#sockets) socket.terminate();
    this.#sockets.clear();
  }

  close(): void {
    this.cut();
    this.#listener.stop(true);
    removeSocketPath(this.path);
  }

  async #connect(guest: Socket<Pipe>, target: string): Promise<void> {
    const socket = { ...this.#handlers(), connectError: () => {} };
    try {
      const data: Pipe = { other: guest, early: [] };
      const host = await Bun.connect<Pipe>({ unix: target, data, socket });
      this.#sockets.add(host);
      guest.data.other = host;
      for (const bytes of guest.data.early.splice(0)) host.write(bytes);
    } catch {
      guest.terminate(); // Nothing listens there. The worker sees the same.
    }
  }

  #handlers() {
    return {
      data: (from: Socket<Pipe>, bytes: Buffer) => this.#pass(from, bytes),
      close: (socket: Socket<Pipe>) => {
        this.#sockets.delete(socket);
        socket.data.other?.terminate();
      },
    };
  }

  #pass({ data }: Socket<Pipe>, bytes: Buffer): void {
    const passed = bytes.subarray(0, Math.min(bytes.length, this.#left));
    if (data.other === undefined) data.early.push(Buffer.from(passed));
    // The tests send less than a socket accepts at once. If one ever sends more, that counts as a cut.
    else if (data.other.write(passed) < passed.length) this.#left = 0;
    this.#left -= passed.length;
    if (this.#left <= 0) this.cut();
  }
}
