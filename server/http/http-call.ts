import type { Call } from "../api/call.ts";
import type { ApiKeys } from "../auth/api-key.ts";
import type { Identity } from "../auth/identity.ts";
import type { Account } from "../limits/account.ts";
import type { BodyUser } from "./body.ts";
import { mayRead } from "./ops-routes.ts";
import type { SocketAddresses } from "./request-peers.ts";

/** A request before its body is read. */
interface Known {
  readonly identity: Identity | undefined;
  readonly account: Account;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly keys: Pick<ApiKeys, "check">;
  /** Answers it. Called with its body, if it has one. */
  readonly perform: (call: HttpCall) => Response | Promise<Response>;
}

/** A request to an endpoint, from its check until its response: one object instead of closures that share its state. */
export class HttpCall implements Call, BodyUser<Response> {
  readonly request: Request;
  readonly server: SocketAddresses;
  readonly identity: Identity | undefined;
  readonly account: Account;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  body = "";
  traceparent: string | undefined = undefined;
  readonly #keys: Pick<ApiKeys, "check">;
  readonly #perform: (call: HttpCall) => Response | Promise<Response>;

  constructor(request: Request, server: SocketAddresses, { identity, account, params, query, keys, perform }: Known) {
    this.request = request;
    this.server = server;
    this.identity = identity;
    this.account = account;
    this.params = params;
    this.query = query;
    this.#keys = keys;
    this.#perform = perform;
  }

  useBody(text: string): Response | Promise<Response> {
    this.body = text;
    return this.#perform(this);
  }

  get headers(): Headers {
    return this.request.headers;
  }

  mayRead(): boolean {
    return mayRead(this.#keys, this.request);
  }
}
