import { type OptionsOf, text } from "../lib/option.ts";

export const supervisorOptions = {
  workers: text(
    undefined,
    "Number of worker processes that share the port, under a supervisor; `auto`: one per core. Unset: one process without a supervisor.",
    {
      aliases: ["UVICORN_WORKERS"],
      pattern: /^(auto|[1-9][0-9]{0,2})$/,
      rule: "a whole number from 1 to 999, or auto",
    },
  ),
};

export type SupervisorOptions = OptionsOf<typeof supervisorOptions>;
