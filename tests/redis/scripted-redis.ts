import type { TCPSocketListener } from "bun";

/** A fake Redis that answers only the commands of a server's start-up, with an INFO chosen by the test. */
export class ScriptedRedis implements Disposable {
  readonly url: string;
  readonly #listener: TCPSocketListener;

  /** @param info its answer to INFO, as lines of `name:value` */
  constructor(info: Readonly<Record<string, string>>) {
    const text = Object.entries(info)
      .map(([name, value]) => `${name}:${value}\r\n`)
      .join("");
    this.#listener = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        data: (socket, data) => {
          // A command looks like `*2\r\n$4\r\nINFO\r\n…`. Only its first word matters.
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
