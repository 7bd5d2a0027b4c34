import { ServiceError } from "../../protocol/errors.ts";
import { formatByteSize } from "../lib/byte-size.ts";
import type { Clock } from "../lib/clock.ts";
import { Budget } from "./budget.ts";
import type { Principal } from "./principal.ts";
import type { Allowance, Kind } from "./rates.ts";

/** The charges of an account. */
export interface AccountParts {
  readonly budgets: { of(principal: Principal, now: number): Budget | undefined };
  readonly principals: readonly Principal[];
  /** The limit of the connection itself, in addition to those of its principals. */
  readonly ownAllowance: Allowance | undefined;
  readonly clock: Pick<Clock, "monotonic">;
}

/**
 * Charges the actions of a client to the budgets of all its principals. If one of them is used up, it is refused and
 * charged to none.
 */
export class Account {
  /** For calls without a limit, such as those of an API key without one. */
  static readonly unlimited = new Account(undefined);
  readonly #parts: AccountParts | undefined;
  /** Created when it is first charged: most connections only receive. */
  #own: Budget | undefined;

  constructor(parts: AccountParts | undefined) {
    this.#parts = parts;
  }

  /** Whether anything is charged at all. */
  get isLimited(): boolean {
    return this.#parts !== undefined;
  }

  /** Charges a cost. @returns the error if a budget is used up */
  take(kind: Kind, cost = 1): ServiceError | undefined {
    if (this.#parts === undefined) return undefined;
    const now = this.#parts.clock.monotonic();
    const refusal = this.#refusal(kind, cost, now);
    if (refusal === undefined) this.#spend(kind, cost, now);
    return refusal;
  }

  /** Charges a cost. @throws ServiceError "rate-limited" with the time to wait */
  charge(kind: Kind, cost = 1): void {
    const refusal = this.take(kind, cost);
    if (refusal !== undefined) throw refusal;
  }

  /** Checks that a cost of at least 1 could be charged, which `spend` then does. @throws ServiceError "rate-limited" */
  check(kind: Kind): void {
    if (this.#parts === undefined) return;
    const refusal = this.#refusal(kind, 1, this.#parts.clock.monotonic());
    if (refusal !== undefined) throw refusal;
  }

  /** How long until a cost of 1 could be charged, in milliseconds; 0: now. */
  waitFor(kind: Kind): number {
    if (this.#parts === undefined) return 0;
    return this.#lacking(kind, 1, this.#parts.clock.monotonic())?.waitMs ?? 0;
  }

  /** Charges a cost that is known only afterwards. A negative one gives back what was charged in advance. */
  spend(kind: Kind, cost: number): void {
    if (this.#parts !== undefined) this.#spend(kind, cost, this.#parts.clock.monotonic());
  }

  /**
   * Counts a request from its header to its answer.
   * @param bodyBytes how long its body may become
   * @returns to be called once, when it is answered
   * @throws ServiceError "rate-limited"
   */
  openRequest(bodyBytes: number): () => void {
    if (this.#parts === undefined) return nothing;
    const now = this.#parts.clock.monotonic();
    const charged = this.#budgets(now);
    for (const [budget, name] of charged) checkRequest(budget, name, bodyBytes);
    for (const [budget] of charged) add(budget, 1, bodyBytes);
    return () => {
      for (const [budget] of charged) add(budget, -1, -bodyBytes);
    };
  }

  #refusal(kind: Kind, cost: number, now: number): ServiceError | undefined {
    const lacking = this.#lacking(kind, cost, now);
    if (lacking === undefined) return undefined;
    const { budget, name, waitMs } = lacking;
    return new ServiceError("rate-limited", ruleOf(kind, budget, name), { retryAfterMs: waitMs });
  }

  /** The first budget that is used up, and for how long. */
  #lacking(kind: Kind, cost: number, now: number): Lacking | undefined {
    for (const [budget, name] of this.#budgets(now)) {
      const waitMs = budget.bucket(kind, now)?.wait(now, cost) ?? 0;
      if (waitMs > 0) return { budget, name, waitMs };
    }
    return undefined;
  }

  #spend(kind: Kind, cost: number, now: number): void {
    for (const [budget] of this.#budgets(now)) budget.bucket(kind, now)?.spend(now, cost);
  }

  #budgets(now: number): (readonly [Budget, string])[] {
    const found: (readonly [Budget, string])[] = [];
    if (this.#parts === undefined) return found;
    const { budgets, ownAllowance, principals } = this.#parts;
    if (ownAllowance !== undefined) {
      this.#own ??= new Budget(ownAllowance);
      found.push([this.#own, "connection"]);
    }
    for (const principal of principals) {
      const budget = budgets.of(principal, now);
      if (budget !== undefined) found.push([budget, nouns[principal.kind]]);
    }
    return found;
  }
}

interface Lacking {
  readonly budget: Budget;
  readonly name: string;
  readonly waitMs: number;
}

const nouns = { user: "user", key: "API key", address: "address" } as const;

/** How long to wait for one of the requests in progress to end. */
const requestRetryMs = 1000;

function checkRequest({ allowance, requests, unfinishedBytes }: Budget, name: string, bodyBytes: number): void {
  const { maxRequests, maxUnfinishedBytes } = allowance;
  if (requests >= maxRequests) {
    throw new ServiceError("rate-limited", `at most ${maxRequests} requests at the same time from one ${name}`, {
      retryAfterMs: requestRetryMs,
    });
  }
  // A single body is bounded by MAX_BODY_BYTES, whatever this limit is.
  if (unfinishedBytes === 0 || unfinishedBytes + bodyBytes <= maxUnfinishedBytes) return;
  const rule = `at most ${formatByteSize(maxUnfinishedBytes)} of unfinished request bodies from one ${name}`;
  throw new ServiceError("rate-limited", rule, { retryAfterMs: requestRetryMs });
}

function add(budget: Budget, requests: number, bytes: number): void {
  budget.requests += requests;
  budget.unfinishedBytes += bytes;
}

function ruleOf(kind: Kind, { allowance }: Budget, name: string): string {
  const perSecond = allowance.rates[kind]?.perSecond ?? 0;
  switch (kind) {
    case "messages":
      return `at most ${perSecond} messages per second from one ${name}`;
    case "joins":
      return `at most ${perSecond} connections opened or channels joined per second by one ${name}`;
    case "answerBytes":
      return `at most ${formatByteSize(perSecond)} of history per second for one ${name}`;
    case "presence":
      return `at most ${perSecond} presence requests per second from one ${name}`;
    case "handshakes":
      return `at most ${perSecond} new connections per second from one ${name}`;
  }
}

function nothing(): void {
  // This request is not counted.
}
