import type { ChannelRule } from "../channels/rule.ts";
import type { AllOptions } from "./options.ts";

/**
 * What the server runs with: flat, resolved, plain. Times end in Ms, amounts of bytes in Bytes; `…File`, aliases and
 * defaults that depend on the mode are resolved. Bounds that 0 takes away are Infinity.
 */
export interface Settings extends Omit<AllOptions, "workers" | "redisHost" | "redisPort"> {
  /** Whether any credential is configured: see docs/auth.md. */
  readonly isSecured: boolean;
  readonly channelRules: readonly ChannelRule[];
  /** Undefined: one process without a supervisor. */
  readonly workers: number | "auto" | undefined;
}

/** The sources said something that cannot be. Each problem names the setting as it was written, and the way out. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join("\n"));
    this.problems = problems;
  }
}
