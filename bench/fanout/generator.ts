import { loadDriver } from "../drivers/driver.ts";
import type { GeneratorAnswer, GeneratorCommand, LoadReport } from "./generator-messages.ts";
import { RawClient, type RawClientEvents } from "./raw-client.ts";
import { nowUs, StampReader } from "./stamp.ts";
import { percentilesOf } from "./statistics.ts";

/** The number of concurrent handshakes. The listen backlog holds 512. */
const parallelHandshakes = 100;
const host = "127.0.0.1";

/** Runs the clients in a separate process, so that their CPU time does not count as the server's. */
class LoadGenerator {
  #messages = 0;
  #latenciesMs: number[] = [];
  #failure: string | undefined;

  /** @throws Error if a connection was refused, or was lost since the last command */
  async handle(command: GeneratorCommand): Promise<GeneratorAnswer> {
    if (command.type === "open") await this.#open(command);
    if (command.type === "reset") this.#reset();
    if (this.#failure !== undefined) throw new Error(this.#failure);
    return command.type === "report" ? { type: "report", report: this.#report() } : { type: "done" };
  }

  async #open({ port, clients, driver: path, count, sampled }: GeneratorCommand & { type: "open" }): Promise<void> {
    const driver = await loadDriver(path);
    const every = Math.max(1, Math.floor(count / sampled));
    let next = 0;
    const openNext = async () => {
      while (next < count) {
        const isSampled = next++ % every === 0;
        await this.#connect(port, (events) => new RawClient(clients, driver, events), isSampled);
      }
    };
    await Promise.all(Array.from({ length: parallelHandshakes }, openNext));
  }

  async #connect(port: number, make: (events: RawClientEvents) => RawClient, isSampled: boolean): Promise<void> {
    const opened = Promise.withResolvers<void>();
    const client = make({
      onOpen: opened.resolve,
      onMessages: this.#onMessages,
      onFailure: (why) => {
        this.#failure ??= why;
        opened.reject(new Error(why));
      },
      ...(isSampled && { onPiece: this.#sample() }),
    });
    opened.promise.catch(() => {}); // The next command also reports it.
    await Bun.connect({
      hostname: host,
      port,
      data: client,
      socket: {
        open: (socket) => socket.data.onConnected(socket, `${host}:${port}`),
        data: (socket, piece) => socket.data.onData(socket, piece),
        close: (socket) => socket.data.onClosed(),
      },
    });
    await opened.promise;
  }

  readonly #onMessages = (count: number): void => {
    this.#messages += count;
  };

  #sample(): (piece: Buffer) => void {
    const stamps = new StampReader();
    return (piece) => {
      const now = nowUs();
      for (const due of stamps.read(piece)) this.#latenciesMs.push((now - due) / 1000);
    };
  }

  #reset(): void {
    this.#messages = 0;
    this.#latenciesMs = [];
  }

  #report(): LoadReport {
    const { user, system } = process.cpuUsage();
    return { messages: this.#messages, latencyMs: percentilesOf(this.#latenciesMs), cpuUs: user + system };
  }
}

const generator = new LoadGenerator();
process.on("message", async (command: GeneratorCommand) => {
  try {
    process.send?.(await generator.handle(command));
  } catch (error) {
    process.send?.({ type: "failed", why: error instanceof Error ? error.message : String(error) });
  }
});
process.on("disconnect", () => process.exit());
