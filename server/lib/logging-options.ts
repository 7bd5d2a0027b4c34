import { logFormatPattern } from "./log-format.ts";
import { choice, type OptionsOf, text, toggle } from "./option.ts";

export const loggingOptions = {
  logLevel: choice("INFO", "The least that is logged.", {
    choices: ["DEBUG", "INFO", "WARNING", "ERROR"],
    synonyms: { trace: "DEBUG", verbose: "DEBUG", warn: "WARNING", critical: "ERROR", fatal: "ERROR" },
  }),
  logFormat: text(
    "{time:YYYY-MM-DD HH:mm:ss} | {level} | {message}",
    "How a line of the log looks: `json`, or a template with {time}, {time:…}, {level}, {name}, {message}, {pid}.",
    {
      pattern: logFormatPattern,
      rule: "json, or a template with {message} in it and besides only {time}, {time:YYYY-MM-DD HH:mm:ss}, {level}, {name}, {pid}",
    },
  ),
  debug: toggle(false, "The same as LOG_LEVEL=DEBUG, whatever LOG_LEVEL says.", {
    // Other programs' DEBUG=express:* or DEBUG=* is no word to this one.
    foreign: /[*:,]/,
  }),
};

export type LoggingOptions = OptionsOf<typeof loggingOptions>;
