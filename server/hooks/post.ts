import { type LookupAddress, lookup } from "node:dns";
import { type IncomingMessage, request as plainRequest } from "node:http";
import { request as secureRequest } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import type { Clock } from "../lib/clock.ts";
import { PublicAddresses } from "./public-address.ts";
import type { HookSecrets } from "./signature.ts";

/** Far above an answer that means something. */
const maxAnswerBytes = 64 * 1024;

/** One request to the application. */
export interface Posting {
  readonly url: string;
  /** The same for each attempt to deliver the same thing. */
  readonly id: string;
  /** JSON. */
  readonly body: string;
  readonly timeoutMs: number;
}

export interface PostAnswer {
  readonly status: number;
  readonly text: string;
  /** The header Retry-After, if it is a number of seconds. */
  readonly retryAfterS: number | undefined;
}

/** Sends one request. Rejects if there is no answer in time. */
export type Post = (posting: Posting) => Promise<PostAnswer>;

export interface PosterParts {
  readonly secrets: HookSecrets;
  readonly allowsPrivate: boolean;
  readonly clock: Pick<Clock, "now" | "setTimeout">;
  /** Resolves names; tests pass their own function. */
  readonly resolve?: (host: string) => Promise<readonly LookupAddress[]>;
}

/**
 * Makes the function that sends signed requests to the application.
 *
 * The addresses of a name are checked where the connection is made: it goes to an address that was checked, not to what the
 * name means by then (DNS rebinding). Redirects are not followed, because they could lead anywhere.
 */
export function makePost({ secrets, allowsPrivate, clock, resolve = resolveAll }: PosterParts): Post {
  const isAllowed = addressCheck(allowsPrivate);
  const checkedLookup: LookupFunction = (host, options, done) => {
    resolve(host)
      .then((found) => {
        const addresses = found.map(({ address, family }) => ({ address, family }));
        const refused = addresses.find(({ address }) => !isAllowed(address));
        if (refused !== undefined) throw new Error(privateAddress(host, refused.address));
        const [first] = addresses;
        if (first === undefined) throw new Error(`${host} has no address`);
        if (options.all === true) done(null, addresses);
        else done(null, first.address, first.family);
      })
      .catch((error: unknown) => done(error instanceof Error ? error : new Error(String(error)), "", 0));
  };

  return async ({ url, id, body, timeoutMs }) => {
    const target = new URL(url);
    const literal = target.hostname.replace(/^\[|\]$/g, "");
    if (isIP(literal) !== 0 && !isAllowed(literal)) throw new Error(privateAddress(target.hostname, literal));
    const headers = {
      "Content-Type": "application/json",
      "Content-Length": String(Buffer.byteLength(body)),
      "User-Agent": "Fanfare",
      ...secrets.headersFor({ id, timestamp: Math.floor(clock.now() / 1000), body }),
    };
    const late = new AbortController();
    // Not `AbortSignal.timeout`: it would keep the body until then, even after the answer.
    const timer = clock.setTimeout(() => late.abort(), timeoutMs);
    const send = target.protocol === "https:" ? secureRequest : plainRequest;
    const answer = new Promise<PostAnswer>((resolveAnswer, reject) => {
      const { signal } = late;
      // The signal ends the request itself, but not the wait for a name.
      signal.addEventListener("abort", () => reject(new Error(`no answer within ${timeoutMs} ms`)), { once: true });
      const outgoing = send(target, { method: "POST", headers, lookup: checkedLookup, signal }, (response) => {
        readAnswer(response).then(resolveAnswer, reject);
      });
      outgoing.on("error", reject);
      outgoing.end(body);
    });
    return answer.finally(() => timer.cancel());
  };
}

/** Says whether a request may go to an address. */
function addressCheck(allowsPrivate: boolean): (address: string) => boolean {
  const publicAddresses = new PublicAddresses();
  return (address) => allowsPrivate || publicAddresses.has(address);
}

async function readAnswer(response: IncomingMessage): Promise<PostAnswer> {
  let text = "";
  response.setEncoding("utf8");
  for await (const chunk of response) {
    text += chunk as string;
    if (text.length > maxAnswerBytes) {
      response.destroy();
      throw new Error(`expected an answer of at most ${maxAnswerBytes} bytes`);
    }
  }
  const retryAfter = response.headers["retry-after"] ?? "";
  const retryAfterS = /^[0-9]{1,6}$/.test(retryAfter) ? Number(retryAfter) : undefined;
  return { status: response.statusCode ?? 0, text, retryAfterS };
}

function resolveAll(host: string): Promise<readonly LookupAddress[]> {
  return new Promise((resolve, reject) => {
    lookup(host, { all: true }, (error, addresses) => (error === null ? resolve(addresses) : reject(error)));
  });
}

function privateAddress(host: string, address: string): string {
  const name = host === address || host === `[${address}]` ? host : `${host} (${address})`;
  return `${name} is not a public address: set HOOK_PRIVATE_ADDRESSES=on to allow it`;
}
