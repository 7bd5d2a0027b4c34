import { type OptionsOf, text } from "../lib/option.ts";

export const supervisorOptions = {
  workers: text(
    undefined,
    "Processes that serve the port together, under a supervisor; `auto` is one per core. Unset: one process without a supervisor.",
    {
      aliases: ["UVICORN_WORKERS"],
      pattern: /^(auto|[1-9][0-9]{0,2})$/,
      rule: "a whole number from 1 to 999, or auto",
    },
  ),
};

export type SupervisorOptions = OptionsOf<typeof supervisorOptions>;
