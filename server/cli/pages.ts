import { envExample } from "../config/env-example.ts";
import { configSchema } from "../config/json-schema.ts";
import { optionsPage } from "../config/options-page.ts";
import { closeCodesPage, errorsPage } from "./code-pages.ts";
import { metricsPage } from "./metrics-page.ts";

/** A file that is generated from tables in the code. */
export interface Page {
  /** Its name in `fanfare config docs`. */
  readonly name: string;
  /** Its path in the repository. */
  readonly path: string;
  readonly make: () => string;
}

/** Everything that `npm run generate` writes. A test fails if a file is out of date. */
export const pages: readonly Page[] = [
  { name: "options", path: "docs/options.md", make: optionsPage },
  { name: "env", path: ".env.example", make: envExample },
  { name: "schema", path: "docs/config.schema.json", make: configSchema },
  { name: "errors", path: "docs/errors.md", make: errorsPage },
  { name: "close-codes", path: "docs/close-codes.md", make: closeCodesPage },
  { name: "metrics", path: "docs/metrics.md", make: metricsPage },
];
