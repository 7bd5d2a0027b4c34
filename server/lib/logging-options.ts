import { logFormatPattern } from "./log-format.ts";
import { choice, type OptionsOf, text, toggle } from "./option.ts";

export const loggingOptions = {
  logLevel: choice("INFO", "Minimum level that is logged.", {
    choices: ["DEBUG", "INFO", "WARNING", "ERROR"],
    synonyms: { trace: "DEBUG", verbose: "DEBUG", warn: "WARNING", critical: "ERROR", fatal: "ERROR" },
  }),
  logFormat: text(
    "{time:YYYY-MM-DD HH:mm:ss} | {level} | {message}",
    "Format of a log line: `json`, or a template with {time}, {time:…}, {level}, {name}, {message}, {pid}, {worker}.",
    {
      pattern: logFormatPattern,
      rule: "json, or a template with {message} and otherwise only {time}, {time:YYYY-MM-DD HH:mm:ss}, {level}, {name}, {pid}, {worker}",
    },
  ),
  debug: toggle(false, "The same as LOG_LEVEL=DEBUG, whatever LOG_LEVEL says.", {
    // DEBUG=express:* and DEBUG=* are meant for other programs.
    foreign: /[*:,]/,
  }),
};

export type LoggingOptions = OptionsOf<typeof loggingOptions>;
