import type { Subprocess } from "bun";
import { engineEnv } from "../../bin/engine-env.js";
import type { BrokerBenchOptions } from "./broker-options.ts";
import type { PartAnswer, PartCommand, PartUsage } from "./part-messages.ts";

/** Controls a participating process. Sends one request at a time. */
export class PartProcess {
  readonly #process: Subprocess;
  #answered = Promise.withResolvers<PartAnswer>();

  private constructor(args: readonly string[]) {
    this.#process = Bun.spawn([process.execPath, "--no-env-file", `${import.meta.dir}/part.ts`, ...args], {
      env: { ...engineEnv, ...process.env },
      stdio: ["ignore", "inherit", "inherit"],
      serialization: "json",
      ipc: (answer: PartAnswer) => this.#answered.resolve(answer),
      onExit: (_, code) => this.#answered.resolve({ type: "failed", why: `${args[0]} exited with code ${code}` }),
    });
  }

  /** Resolves once it has started. @throws Error if it cannot start */
  static async start(...args: readonly string[]): Promise<PartProcess> {
    const part = new PartProcess(args);
    await part.#answer();
    return part;
  }

  async usage(): Promise<PartUsage> {
    const answer = await this.#ask({ type: "usage" });
    if (answer.type !== "usage") throw unexpected(answer);
    return answer.usage;
  }

  async throughput(options: BrokerBenchOptions) {
    const answer = await this.#ask({ type: "throughput", options });
    if (answer.type !== "throughput") throw unexpected(answer);
    return answer;
  }

  async latency(options: BrokerBenchOptions) {
    const answer = await this.#ask({ type: "latency", options });
    if (answer.type !== "latency") throw unexpected(answer);
    return answer;
  }

  async close(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.exited;
  }

  #ask(command: PartCommand): Promise<PartAnswer> {
    this.#answered = Promise.withResolvers();
    this.#process.send(command);
    return this.#answer();
  }

  async #answer(): Promise<PartAnswer> {
    const answer = await this.#answered.promise;
    if (answer.type === "failed") throw new Error(answer.why);
    return answer;
  }
}

function unexpected({ type }: PartAnswer): Error {
  return new Error(`unexpected answer of type "${type}"`);
}
