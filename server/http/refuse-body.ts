import { parseObject, unknownIn } from "../../protocol/fields.ts";
import { KnownFields } from "../../protocol/known-fields.ts";
import { refuseUnknownNames } from "../lib/unknown-names.ts";
import { hasUnreadBody, readBody } from "./body.ts";

/** The most that is read of a body that must be empty. Bytes. */
const maxBytes = 16 * 1024;
const noFields = new KnownFields([]);

/**
 * For endpoints that take no body. A caller that sends a grace period to a drain, or a time to the pause of a schedule,
 * expects it to be used. An object without fields is accepted, because some HTTP libraries always send one. The body of a
 * GET has no meaning (RFC 9110 §9.3.1) and is not read.
 * @returns undefined if there is no body, so that most requests need no promise
 * @throws ServiceError "invalid-field" that names the first field; others if the body is not a JSON object
 */
export function refuseBody(request: Request): Promise<void> | undefined {
  return request.method !== "GET" && hasUnreadBody(request) ? refuseFields(request) : undefined;
}

async function refuseFields(request: Request): Promise<void> {
  const body = await readBody(request, maxBytes);
  if (body.trim() !== "") refuseUnknownNames(unknownIn(parseObject(body, noFields)), [], "field");
}
