import { configureSync, type LogLevel } from "@logtape/logtape";
import { type LogLook, makeLogFormat } from "./log-format.ts";

/** What the log is like, as the settings say it. */
export interface LoggingSettings extends LogLook {
  readonly level: "DEBUG" | "INFO" | "WARNING" | "ERROR";
  /** `json`, or a template: see `makeLogFormat`. */
  readonly format: string;
  /** Takes one or more whole lines; must not throw. */
  readonly write: (lines: string) => void;
}

/**
 * Sets up what `getLogger(["fanfare", …])` writes to, for this process; the last call counts. Without it nothing is
 * logged, which is what a program wants that uses the server as a library.
 */
export function configureLogging({ level, format, write, ...look }: LoggingSettings): void {
  const formatRecord = makeLogFormat(format, look);
  const sinks = { out: (record: Parameters<typeof formatRecord>[0]) => write(`${formatRecord(record)}\n`) };
  configureSync({
    reset: true,
    sinks,
    loggers: [
      { category: "fanfare", sinks: ["out"], lowestLevel: levels[level] },
      // The library's own log: what it says when a value cannot be written.
      { category: ["logtape", "meta"], sinks: ["out"], lowestLevel: "warning" },
    ],
  });
}

const levels = { DEBUG: "debug", INFO: "info", WARNING: "warning", ERROR: "error" } as const satisfies Record<
  LoggingSettings["level"],
  LogLevel
>;
