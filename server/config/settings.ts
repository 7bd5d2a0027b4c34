import type { ChannelRule } from "../channels/rule.ts";
import type { AllOptions } from "./options.ts";
import type { ConfiguredSchedule } from "./schedules.ts";

/**
 * The resolved settings of a server. Times end in Ms, sizes in Bytes. `…_FILE` names, aliases and defaults that depend on the
 * mode are resolved. A limit that is turned off with 0 is Infinity.
 */
export interface Settings extends Omit<AllOptions, "workers" | "redisHost" | "redisPort"> {
  /** The setting that names the Redis server, as it was written: for messages. */
  readonly redisSetting: string;
  /** Whether any credential is configured: see docs/auth.md. */
  readonly isSecured: boolean;
  readonly channelRules: readonly ChannelRule[];
  /** The `schedules` of the file. */
  readonly schedules: readonly ConfiguredSchedule[];
  /** Undefined: one process without a supervisor. */
  readonly workers: number | "auto" | undefined;
}

/** Invalid settings. Each problem names the setting as the user wrote it, and what to do. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join("\n"));
    this.problems = problems;
  }
}
