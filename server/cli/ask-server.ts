import type { Address } from "./address.ts";
import { CommandError } from "./context.ts";
import { printable } from "./printable.ts";

/** What is asked of a server over HTTP. */
export interface Question {
  readonly address: Address;
  /** With its leading slash. */
  readonly path: string;
  readonly key: string | undefined;
  /** A control socket, which is asked instead where somebody listens there. */
  readonly control?: string | undefined;
  /** JSON; with it the question is a POST. */
  readonly body?: string;
}

/** An answer, whatever its status. */
export interface Answer {
  readonly status: number;
  /** What its JSON says; undefined where it is none. */
  readonly value: unknown;
  /** When to ask again, milliseconds from now, where the server says so. */
  readonly retryAfterMs: number | undefined;
}

/** How long an answer may take. */
const answerMs = 10_000;

/**
 * Asks, once.
 * @throws whatever fetch throws where nothing answers: see `unreachable`
 */
export async function askServer(question: Question): Promise<Answer> {
  const { key, body } = question;
  const headers = new Headers({ Accept: "application/json" });
  if (key !== undefined) headers.set("Authorization", `Bearer ${key}`);
  if (body !== undefined) headers.set("Content-Type", "application/json");
  const response = await reach(question, {
    headers,
    redirect: "error", // what stands behind another address would be given the key
    signal: AbortSignal.timeout(answerMs),
    ...(body === undefined ? {} : { method: "POST", body }),
  });
  const text = await response.text();
  const seconds = response.headers.get("Retry-After");
  return {
    status: response.status,
    value: parse(text),
    retryAfterMs: seconds === null ? undefined : Number(seconds) * 1000,
  };
}

/** Whether nobody listens there. */
export function isRefusedConnection(error: unknown): boolean {
  return /ConnectionRefused|ECONNREFUSED|ENOENT/.test(wordsOf(error).code);
}

async function reach({ address, path, control }: Question, init: RequestInit): Promise<Response> {
  if (control !== undefined) {
    try {
      return await fetch(`http://localhost${path}`, { ...init, unix: control });
    } catch (error) {
      if (!isRefusedConnection(error)) throw error; // else a server that was killed has left it behind
    }
  }
  return fetch(`${address.http}${path}`, init);
}

/** Why nothing answered, in one line with the way out. */
export function unreachable({ http }: Address, error: unknown): CommandError {
  const cause = { cause: error };
  const { code, name, message } = wordsOf(error);
  if (/ConnectionRefused|ECONNREFUSED/.test(code)) {
    const port = URL.parse(http)?.port || "8000";
    return new CommandError(`nothing answers at ${http}: start a server with \`fanfare start --port ${port}\``, cause);
  }
  if (name === "TimeoutError") return new CommandError(`${http} did not answer within ${answerMs / 1000} s`, cause);
  if (/ENOTFOUND|EAI_AGAIN|DNS/.test(code))
    return new CommandError(`there is no address for ${http}: is the name right?`, cause);
  const tls = explainTls(http, code, message);
  if (tls !== undefined) return new CommandError(tls, cause);
  return new CommandError(`cannot reach ${http}: ${printable(code === "" ? message : `${code}: ${message}`)}`, cause);
}

/** What went wrong between http and https; undefined where it was something else. */
function explainTls(http: string, code: string, message: string): string | undefined {
  if (code === "EPROTO" || /^ERR_SSL/.test(code))
    return `${http} does not speak TLS: try ${http.replace(/^https/, "http")}`;
  if (/CERT|ISSUER|SIGNATURE|ALTNAME/.test(code)) {
    const wayOut = "name its authority's certificate in NODE_EXTRA_CA_CERTS, or use the name that it was made for";
    return `the certificate of ${http} is not trusted here (${printable(message)}): ${wayOut}`;
  }
  if (code === "ECONNRESET" && http.startsWith("http:"))
    return `${http} closed the connection without an answer: if it speaks TLS, try ${http.replace(/^http/, "https")}`;
  return undefined;
}

/** What a refusal means, in one line with the way out. */
export function refused({ address: { http }, key }: Question, { status, value }: Answer): CommandError {
  const detail = printable(detailOf(value) ?? "");
  if (status === 401 && key === undefined) {
    return new CommandError(
      "the server wants a key (401): set API_KEY (environment, .env, settings file), or say --api-key",
    );
  }
  if (status === 401)
    return new CommandError(`the key of API_KEY or --api-key does not open this server (401): ${detail}`);
  if (detail !== "") return new CommandError(`${detail} (${status})`);
  return new CommandError(`${http} answered ${status}, not as a Fanfare server does: is the address right?`);
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
    return undefined; // no Fanfare server: the status says the rest
  }
}
