import { userTokenHeader } from "../api/about/explain.ts";
import type { Address } from "./address.ts";
import { CommandError } from "./context.ts";
import { type FieldNames, withOptionNames } from "./field-names.ts";
import { printable } from "./printable.ts";

/** A request to the server's HTTP API. */
export interface ApiRequest {
  readonly address: Address;
  /** With a leading slash. */
  readonly path: string;
  readonly key: string | undefined;
  /** A control socket. If a server listens there, the request goes to it instead of the address. */
  readonly control?: string | undefined;
  /** The key for the control socket, which requires none. */
  readonly controlKey?: string | undefined;
  /** A user's token that the request is about. It is not the caller's credential. */
  readonly userToken?: string | undefined;
  /** JSON. */
  readonly body?: string | undefined;
  /** How the user writes the fields of the body or query, for the server's errors. By default as the server does. */
  readonly names?: FieldNames | undefined;
  /** By default POST with a body, and GET without. */
  readonly method?: "POST" | "PUT" | "DELETE" | undefined;
}

/** The server's response, with any status. */
export interface ApiResponse {
  readonly status: number;
  /** The parsed body; undefined if it is not JSON. */
  readonly value: unknown;
  /** From the header `Retry-After`, in milliseconds. */
  readonly retryAfterMs: number | undefined;
}

/** How long a server may take to answer a request, or to welcome a client. The same as in the SDK. */
const timeoutMs = 10_000;

/**
 * Sends a request, without retries.
 * @throws errors of fetch if there is no response: see `unreachable`
 */
export async function sendRequest(request: ApiRequest): Promise<ApiResponse> {
  const { body, method, userToken } = request;
  const headers = new Headers({ Accept: "application/json" });
  if (body !== undefined) headers.set("Content-Type", "application/json");
  if (userToken !== undefined) headers.set(userTokenHeader, userToken);
  const response = await reach(request, {
    headers,
    redirect: "error", // a redirect would send the key to another address
    signal: AbortSignal.timeout(timeoutMs),
    method: method ?? (body === undefined ? "GET" : "POST"),
    ...(body === undefined ? {} : { body }),
  });
  const text = await response.text();
  const seconds = response.headers.get("Retry-After");
  return {
    status: response.status,
    value: parse(text),
    retryAfterMs: seconds === null ? undefined : Number(seconds) * 1000,
  };
}

/**
 * Opens a stream that lasts until the signal aborts it or the server ends it.
 * @throws CommandError if the server refuses; whatever fetch throws if there is no response
 */
export async function openStream(
  request: Pick<ApiRequest, "address" | "path" | "key" | "names">,
  signal: AbortSignal,
): Promise<ReadableStream<Uint8Array>> {
  const headers = new Headers({ Accept: "text/event-stream" });
  const response = await reach(request, { headers, redirect: "error", signal });
  if (response.status === 200 && response.body !== null) return response.body;
  throw refused(request, { status: response.status, value: parse(await response.text()), retryAfterMs: undefined });
}

/** Whether nothing listens at the address. */
export function isRefusedConnection(error: unknown): boolean {
  return /ConnectionRefused|ECONNREFUSED|ENOENT/.test(wordsOf(error).code);
}

async function reach(request: ApiRequest, init: RequestInit & { readonly headers: Headers }): Promise<Response> {
  const { address, path, key, control, controlKey } = request;
  if (control !== undefined) {
    try {
      const headers = withKey(init.headers, controlKey);
      return await fetch(`http://localhost${path}`, { ...init, headers, unix: control });
    } catch (error) {
      if (!isRefusedConnection(error)) throw error; // otherwise a killed server left the socket behind
    }
  }
  return fetch(`${address.http}${path}`, { ...init, headers: withKey(init.headers, key) });
}

function withKey(given: Headers, key: string | undefined): Headers {
  const headers = new Headers(given);
  if (key !== undefined) headers.set("Authorization", `Bearer ${key}`);
  return headers;
}

/** One line that says why there was no response, and what to do. */
export function unreachable({ http }: Address, error: unknown): CommandError {
  const cause = { cause: error };
  const { code, name, message } = wordsOf(error);
  if (/ConnectionRefused|ECONNREFUSED/.test(code)) {
    const port = URL.parse(http)?.port || "8000";
    const hint = `start a server with \`fanfare start --port ${port}\`, or check the address`;
    return new CommandError(`cannot connect to ${http}: nothing is listening there; ${hint}`, cause);
  }
  if (name === "TimeoutError") return unresponsive(http, cause);
  if (/ENOTFOUND|EAI_AGAIN|DNS/.test(code))
    return new CommandError(`cannot resolve the host name of ${http}: check the spelling`, cause);
  const tls = explainTls(http, code, message);
  if (tls !== undefined) return new CommandError(tls, cause);
  return new CommandError(
    `cannot connect to ${http}: ${printable(code === "" ? message : `${code}: ${message}`)}`,
    cause,
  );
}

/** Something accepts connections there, or drops the packets, but nothing answers. */
export function unresponsive(url: string, options?: ErrorOptions): CommandError {
  return new CommandError(`${url} did not respond within ${timeoutMs / 1000} s`, options);
}

/** The error message if TLS is the problem, such as http where https is needed; otherwise undefined. */
function explainTls(http: string, code: string, message: string): string | undefined {
  if (code === "EPROTO" || /^ERR_SSL/.test(code))
    return `${http} does not speak TLS: try ${http.replace(/^https/, "http")}`;
  if (/CERT|ISSUER|SIGNATURE|ALTNAME/.test(code)) {
    const hint = "set NODE_EXTRA_CA_CERTS to the CA certificate, or use the host name the certificate was issued for";
    return `the certificate of ${http} is not trusted (${printable(message)}): ${hint}`;
  }
  if (code === "ECONNRESET" && http.startsWith("http:"))
    return `${http} closed the connection without a response: if it uses TLS, try ${http.replace(/^http/, "https")}`;
  return undefined;
}

const noNames: FieldNames = new Map();

/** One line that says why the server refused the request, and what to do. */
export function refused(
  { address: { http }, key, names = noNames }: Pick<ApiRequest, "address" | "key" | "names">,
  { status, value }: ApiResponse,
): CommandError {
  const detail = printable(withOptionNames(detailOf(value) ?? "", names));
  if (status === 401 && key === undefined) {
    return new CommandError(
      "the server requires an API key (401): set API_KEY (environment, .env or settings file), or pass --api-key",
    );
  }
  if (status === 401)
    return new CommandError(`the server does not accept the key from API_KEY or --api-key (401): ${detail}`);
  if (detail !== "") return new CommandError(`${detail} (${status})`);
  return new CommandError(`${http} responded with ${status}, but not like a Fanfare server: check the address`);
}

function wordsOf(error: unknown): { readonly code: string; readonly name: string; readonly message: string } {
  if (!(error instanceof Error)) return { code: "", name: "", message: String(error) };
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  return { code, name: error.name, message: error.message };
}

function detailOf(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null || !("detail" in value)) return undefined;
  return typeof value.detail === "string" ? value.detail : undefined;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // not a Fanfare server: `refused` reports the status
  }
}
