/** The server refused a request. `message` is for people. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }

  /** Whether another key is needed. */
  get isAboutKey(): boolean {
    return this.status === 401 || this.status === 403;
  }
}

const storageKey = "fanfare.admin-key";

/** The API key, which stays in this tab: it is never part of a URL. */
export const keyMemory = {
  read(): string {
    try {
      return sessionStorage.getItem(storageKey) ?? "";
    } catch {
      return ""; // the browser forbids storage
    }
  },

  write(key: string): void {
    try {
      if (key === "") sessionStorage.removeItem(storageKey);
      else sessionStorage.setItem(storageKey, key);
    } catch {
      // Forbidden: the key is asked for again after a reload.
    }
  },
};

/** Sends requests to the HTTP API of the server that the page came from. */
export class Api {
  #key: string;

  constructor(key: string) {
    this.#key = key;
  }

  get hasKey(): boolean {
    return this.#key !== "";
  }

  useKey(key: string): void {
    this.#key = key;
  }

  /** @throws ApiError if the server refuses, TypeError if it cannot be reached */
  get<T>(path: string): Promise<T> {
    return this.#send<T>("GET", path);
  }

  /** @throws as `get` */
  delete<T>(path: string): Promise<T> {
    return this.#send<T>("DELETE", path);
  }

  /** @throws as `get` */
  post<T>(path: string, body?: RequestBody): Promise<T> {
    return this.#send<T>("POST", path, body);
  }

  /** The text of an answer that does not end, as it arrives. @throws as `get`; AbortError once it was aborted */
  async *stream(path: string, signal: AbortSignal): AsyncIterable<string> {
    const response = await fetch(path, { ...this.#options("GET"), signal });
    if (!response.ok) throw await errorOf(response);
    if (response.body === null) return;
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) yield piece.value;
  }

  async #send<T>(method: string, path: string, body?: RequestBody): Promise<T> {
    // Relative to /admin, so that a proxy may serve the server below a path.
    const response = await fetch(path, this.#options(method, body));
    if (!response.ok) throw await errorOf(response);
    return response.status === 204 ? (undefined as T) : ((await response.json()) as T);
  }

  #options(method: string, body?: RequestBody): RequestInit {
    const headers: Record<string, string> = this.#key === "" ? {} : { Authorization: `Bearer ${this.#key}` };
    if (body !== undefined) headers["Content-Type"] = body.type;
    return { method, headers, cache: "no-store", credentials: "omit", body: body?.text ?? null };
  }
}

/** The options of a request. */
export interface RequestBody {
  readonly type: "application/json" | "text/plain";
  readonly text: string;
}

async function errorOf(response: Response): Promise<ApiError> {
  const body: unknown = await response.json().catch(() => undefined);
  return new ApiError(response.status, detailOf(body) ?? `The server answered ${response.status}.`);
}

function detailOf(body: unknown): string | undefined {
  if (typeof body !== "object" || body === null || !("detail" in body)) return undefined;
  return typeof body.detail === "string" ? body.detail : undefined;
}
