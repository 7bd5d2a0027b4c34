import { ServiceError } from "../../protocol/errors.ts";
import type { ApiKeys, KeyHeaders } from "../auth/api-key.ts";
import type { AuditEntry } from "../limits/audit-trail.ts";

/** Paths whose requests change something for others than the sender. They need the scope `admin`. */
const adminPath = /^\/v1\/(users|tokens|connections|drain|reload|upgrade)(\/|$)/;

/** Methods that change nothing. OPTIONS is a browser's preflight request, which has no credentials. */
const safeMethods: readonly string[] = ["GET", "HEAD", "OPTIONS"];

/** Whether the answer to a request belongs into the audit trail. */
export function isAudited(method: string, pathname: string, status: number): boolean {
  return status === 401 || status === 403 || (!safeMethods.includes(method) && adminPath.test(pathname));
}

/** The entry of a request. The path is cut, since it may be long. */
export function auditEntry(
  request: { readonly method: string; readonly pathname: string; readonly headers: KeyHeaders },
  keys: Pick<ApiKeys, "checkIfGiven">,
  { from, status }: { readonly from: string; readonly status: number },
): AuditEntry {
  const action = `${request.method} ${request.pathname.slice(0, 200)}`;
  return { action, who: nameOf(request.headers, keys), from, result: status < 400 ? "ok" : String(status) };
}

function nameOf(headers: KeyHeaders, keys: Pick<ApiKeys, "checkIfGiven">): string {
  try {
    const number = keys.checkIfGiven(headers);
    return number === undefined ? "unknown" : `key ${number}`;
  } catch (error) {
    if (error instanceof ServiceError) return "unknown"; // a wrong key
    throw error;
  }
}
