import type { Scope } from "../auth/api-key.ts";
import type { Operation } from "./about/about.ts";
import type { Verb } from "./call.ts";

/** One endpoint of the HTTP API. `about` is its documentation in `/openapi.json` and `/docs`. */
export interface Endpoint extends Operation {
  readonly scope: Scope;
  readonly verb: Verb;
  /** It publishes, so it is traced. */
  readonly publishes?: true;
  /** Unknown fields and parameters are listed in the response instead of being an error. */
  readonly warnsOfUnknown?: true;
}
