import type { TCPSocketListener } from "bun";

/** Something that speaks as much of Redis's protocol as a server asks at its start, and says of itself what a test wants. */
export class ScriptedRedis implements Disposable {
  readonly url: string;
  readonly #listener: TCPSocketListener;

  /** @param info what it answers to INFO, as lines of `name:value` */
  constructor(info: Readonly<Record<string, string>>) {
    const text = Object.entries(info)
      .map(([name, value]) => `${name}:${value}\r\n`)
      .join("");
    this.#listener = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        data: (socket, data) => {
          // Each command is `*2\r\n$4\r\nINFO\r\n…`: what matters is its first word.
          for (const [, word = ""] of String(data).matchAll(/\*\d+\r\n\$\d+\r\n(\w+)\r\n/g)) {
            socket.write(word.toUpperCase() === "INFO" ? `$${text.length}\r\n${text}\r\n` : "+OK\r\n");
          }
        },
      },
    });
    this.url = `redis://127.0.0.1:${this.#listener.port}`;
  }

  [Symbol.dispose](): void {
    this.#listener.stop(true);
  }
}
