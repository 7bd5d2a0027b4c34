import { envExample } from "../config/env-example.ts";
import { configSchema } from "../config/json-schema.ts";
import { optionsPage } from "../config/options-page.ts";
import { closeCodesPage, errorsPage } from "./code-pages.ts";

/** One file that is made from tables in the code. */
export interface Page {
  /** As `fanfare config docs` calls it. */
  readonly name: string;
  /** Where it stands in the repository. */
  readonly path: string;
  readonly make: () => string;
}

/** Everything that `npm run generate` writes; a test fails where a file is not what would be written now. */
export const pages: readonly Page[] = [
  { name: "options", path: "docs/options.md", make: optionsPage },
  { name: "env", path: ".env.example", make: envExample },
  { name: "schema", path: "docs/config.schema.json", make: configSchema },
  { name: "errors", path: "docs/errors.md", make: errorsPage },
  { name: "close-codes", path: "docs/close-codes.md", make: closeCodesPage },
];
