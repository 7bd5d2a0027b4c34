import type { Operation } from "../api/about/about.ts";

/** A route outside the HTTP API, without a request body. */
export interface PlainRoute extends Operation {
  readonly method: "GET" | "POST" | "DELETE";
  /** Throws a ServiceError for an error response. */
  readonly answer: (request: Request) => Response | Promise<Response>;
}
