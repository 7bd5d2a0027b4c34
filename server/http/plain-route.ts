import type { Operation } from "../api/about/about.ts";

/** A row beside the HTTP API: it reads no body and knows no verb. */
export interface PlainRoute extends Operation {
  readonly method: "GET" | "POST";
  /** Refusals are thrown. */
  readonly answer: (request: Request) => Response | Promise<Response>;
}
