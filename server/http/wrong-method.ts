import { ServiceError } from "../../protocol/errors.ts";
import type { Operation } from "../api/about/about.ts";
import { WrongMethod } from "./respond.ts";

/**
 * Refuses a request without a route.
 * @throws WrongMethod if the path exists with other methods, otherwise ServiceError "not-found"
 */
export function refuseUnknown(operations: readonly Operation[], path: string, method: string): never {
  const methods: readonly string[] = operations.filter((it) => matches(it.path, path)).map((it) => it.method);
  if (methods.length > 0) throw new WrongMethod(path, method, methods);
  throw new ServiceError("not-found", `there is nothing at ${path.slice(0, 200)}`);
}

function matches(pattern: string, path: string): boolean {
  const parts = path.split("/");
  const wanted = pattern.split("/");
  return (
    wanted.length === parts.length &&
    wanted.every((part, at) => (part.startsWith("{") ? parts[at] !== "" : part === parts[at]))
  );
}
