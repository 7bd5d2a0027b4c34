import { ServiceError } from "../../protocol/errors.ts";
import type { Operation } from "../api/about/about.ts";
import { respondError } from "./respond.ts";

/**
 * The response to a request without a route: "method-not-allowed" if the path exists with other methods.
 * @throws ServiceError "not-found" if the path does not exist
 */
export function answerUnknown(operations: readonly Operation[], path: string, method: string): Response {
  const methods: readonly string[] = operations.filter((it) => matches(it.path, path)).map((it) => it.method);
  if (methods.length > 0) return answerWrongMethod(path, method, methods);
  throw new ServiceError("not-found", `there is nothing at ${path.slice(0, 200)}`);
}

/** RFC 9110 §15.5.6: the response lists the allowed methods. */
export function answerWrongMethod(path: string, method: string, methods: readonly string[]): Response {
  const message = `${path.slice(0, 200)}: expected ${methods.join(" or ")}, got ${method}`;
  const response = respondError(new ServiceError("method-not-allowed", message));
  response.headers.set("Allow", methods.join(", "));
  return response;
}

function matches(pattern: string, path: string): boolean {
  const parts = path.split("/");
  const wanted = pattern.split("/");
  return (
    wanted.length === parts.length &&
    wanted.every((part, at) => (part.startsWith("{") ? parts[at] !== "" : part === parts[at]))
  );
}
