import { configureSync, type LogLevel } from "@logtape/logtape";
import { type LogLook, makeLogFormat } from "./log-format.ts";

/** The logging settings. */
export interface LoggingSettings extends LogLook {
  readonly level: "DEBUG" | "INFO" | "WARNING" | "ERROR";
  /** `json`, or a template: see `makeLogFormat`. */
  readonly format: string;
  /** Receives one or more whole lines; must not throw. */
  readonly write: (lines: string) => void;
}

/**
 * Configures what `getLogger(["fanfare", …])` writes to in this process; the last call wins. Without it nothing is logged,
 * which is the right default when the server is used as a library.
 */
export function configureLogging({ level, format, write, ...look }: LoggingSettings): void {
  const formatRecord = makeLogFormat(format, look);
  const sinks = { out: (record: Parameters<typeof formatRecord>[0]) => write(`${formatRecord(record)}\n`) };
  configureSync({
    reset: true,
    sinks,
    loggers: [
      { category: "fanfare", sinks: ["out"], lowestLevel: levels[level] },
      // The logging library's own messages, for example when a value cannot be formatted.
      { category: ["logtape", "meta"], sinks: ["out"], lowestLevel: "warning" },
    ],
  });
}

const levels = { DEBUG: "debug", INFO: "info", WARNING: "warning", ERROR: "error" } as const satisfies Record<
  LoggingSettings["level"],
  LogLevel
>;
