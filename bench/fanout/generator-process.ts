import type { Subprocess } from "bun";
import type { GeneratorAnswer, GeneratorCommand, LoadReport } from "./generator-messages.ts";
import type { Program } from "./program.ts";

/** Controls the load generator. Sends one request at a time. */
export class GeneratorProcess {
  readonly #process: Subprocess;
  #onAnswer: (answer: GeneratorAnswer) => void = () => {};

  constructor() {
    this.#process = Bun.spawn([process.execPath, `${import.meta.dir}/generator.ts`], {
      stdio: ["ignore", "inherit", "inherit"],
      serialization: "json",
      ipc: (answer: GeneratorAnswer) => this.#onAnswer(answer),
      onExit: (_, code) => this.#onAnswer({ type: "failed", why: `the load generator exited with code ${code}` }),
    });
  }

  /** @throws Error if the server refuses one of them */
  async open(port: number, { clients, driver }: Program, count: number): Promise<void> {
    await this.#ask({ type: "open", port, clients, driver, count, sampled: Math.min(count, 20) });
  }

  async reset(): Promise<void> {
    await this.#ask({ type: "reset" });
  }

  /** @throws Error if a connection was lost */
  async report(): Promise<LoadReport> {
    const answer = await this.#ask({ type: "report" });
    if (answer.type !== "report") throw new Error(`expected a report, got "${answer.type}"`);
    return answer.report;
  }

  async close(): Promise<void> {
    this.#process.kill();
    await this.#process.exited;
  }

  async #ask(command: GeneratorCommand): Promise<GeneratorAnswer> {
    const answered = Promise.withResolvers<GeneratorAnswer>();
    this.#onAnswer = answered.resolve;
    this.#process.send(command);
    const answer = await answered.promise;
    if (answer.type === "failed") throw new Error(answer.why);
    return answer;
  }
}
