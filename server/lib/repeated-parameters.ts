import { ServiceError } from "../../protocol/errors.ts";

/**
 * For parameters that are no lists. Which value counts differs between programs: a proxy or a log could show another one than the
 * server uses.
 *
 * @throws ServiceError "bad-request" that names the first of these parameters that is there more than once
 */
export function refuseRepeatedParameters(query: URLSearchParams, names: readonly string[]): void {
  if (query.size < 2) return;
  for (const name of names) {
    const count = query.getAll(name).length;
    if (count < 2) continue;
    throw new ServiceError("bad-request", `${name}: expected once, got ${count} times`, { field: name });
  }
}
