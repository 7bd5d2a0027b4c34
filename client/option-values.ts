import type { ClientOptions } from "./client.ts";

/**
 * What cannot work is refused at once, because a client with it would only retry, or fail much later.
 *
 * @param page the address of the page, which a relative URL is relative to
 * @throws TypeError that names the option, its rule and what it got
 */
export function refuseWrongValues(url: unknown, { token, transports, queueSize }: ClientOptions, page?: string): void {
  if (!isAddress(url, page)) throw wrong("createClient: url", 'an address such as "https://push.example.com"', url);
  if (token !== undefined && token !== null && typeof token !== "string" && typeof token !== "function")
    throw wrong("createClient: token", "a text, or a function that returns one or a promise of one", token);
  if (
    transports !== undefined &&
    !(Array.isArray(transports) && transports.length > 0 && transports.every(isTransport))
  )
    throw wrong("createClient: transports", 'an array of "websocket" or "sse" or both', transports);
  if (queueSize !== undefined && !(typeof queueSize === "number" && queueSize >= 1))
    throw wrong("createClient: queueSize", "a number from 1", queueSize);
}

/** @throws TypeError that says what it got. The server has the rules for names. */
export function refuseNoName(name: unknown): void {
  if (typeof name !== "string" || name === "") throw wrong("channel", 'a name such as "room:1"', name);
}

/** `localhost:8000` would be an address with the scheme `localhost`, and `127.0.0.1:8000` a file next to the page. */
function isAddress(url: unknown, page: string | undefined): boolean {
  if (url instanceof URL) return isAddress(url.href, page);
  if (typeof url !== "string" || /^[\w.-]+:\d/.test(url) || !URL.canParse(url, page)) return false;
  return /^(https?|wss?):$/.test(new URL(url, page).protocol);
}

function isTransport(name: unknown): boolean {
  return name === "websocket" || name === "sse";
}

function wrong(what: string, rule: string, got: unknown): TypeError {
  const text = typeof got === "string" ? JSON.stringify(got) : String(got);
  const shown = typeof got === "object" ? kindOf(got) : text;
  return new TypeError(`${what}: expected ${rule}, got ${got === undefined ? "nothing" : shown.slice(0, 60)}`);
}

function kindOf(value: object | null): string {
  if (value === null) return "null";
  if (value instanceof Promise) return "a promise";
  return Array.isArray(value) ? JSON.stringify(value) : "an object";
}
