import type { Clock } from "../lib/clock.ts";
import { Account } from "./account.ts";
import { Budget } from "./budget.ts";
import { addressPrincipal, keyPrincipal, type Principal, userPrincipal } from "./principal.ts";
import { type Allowance, allowanceOf, type BudgetSettings, unlimited } from "./rates.ts";

/** How long a budget that is not used is kept at least. */
const generationMs = 60_000;
/** Budgets of one generation: about 20 MB with two buckets each. */
const maxBudgets = 50_000;

/**
 * The budgets of all principals of this process, however they connect: a user shares one over all connections and requests.
 *
 * Kept in two generations, so that a look-up is one access to a map and nothing is sorted: a budget that is used moves to the
 * young generation, and every minute the old one is dropped. Budgets that are in use or not refilled are carried over, unless
 * there are too many of them.
 */
export class Budgets {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #maxBudgets: number;
  readonly #allowances: Readonly<Record<Principal["kind"], Allowance | undefined>>;
  /** As many as there are keys in API_KEY. */
  readonly #keys = new Map<number, Account>();
  #young = new Map<string, Budget>();
  #old = new Map<string, Budget>();
  #since: number;

  /** @param capacity maximum number of budgets of one generation; tests make it small */
  constructor(settings: BudgetSettings, clock: Pick<Clock, "monotonic">, capacity = maxBudgets) {
    this.#clock = clock;
    this.#maxBudgets = capacity;
    this.#since = clock.monotonic();
    const times = (factor: number) => {
      return factor > 0 && Number.isFinite(factor) ? allowanceOf(settings, factor) : undefined;
    };
    const { handshakeRate } = settings;
    this.#allowances = {
      user: allowanceOf(settings, 1),
      address: times(settings.usersPerAddress) ?? allowanceOf({ ...unlimited, handshakeRate }, 1),
      key: times(settings.usersPerKey),
    };
  }

  /** The budget of a principal; undefined if it has no limits. Hot path. */
  of({ kind, text }: Principal, now: number): Budget | undefined {
    const known = this.#young.get(text);
    if (known !== undefined) return known;
    const allowance = this.#allowances[kind];
    return allowance === undefined ? undefined : this.#add(text, allowance, now);
  }

  /**
   * The account of a client. A user who is proven by a token is charged as that user. Anyone can claim to be another user or
   * nobody, so other clients are charged to their address as well.
   */
  accountOf(client: { readonly userId: string | undefined; readonly isProven: boolean; readonly ip: string }): Account {
    const { userId, isProven, ip } = client;
    const user = userId === undefined ? [] : [userPrincipal(userId)];
    const principals = isProven ? user : [...user, addressPrincipal(ip)];
    // Clients of one address without a user must not use up each other's messages either.
    const ownAllowance = userId === undefined ? this.#allowances.user : undefined;
    return new Account({ budgets: this, principals, ownAllowance, clock: this.#clock });
  }

  /** The account of an API key. @param number see `keyPrincipal` */
  accountOfKey(number: number): Account {
    if (this.#allowances.key === undefined) return Account.unlimited;
    const known = this.#keys.get(number);
    if (known !== undefined) return known;
    const account = this.#accountOfOne(keyPrincipal(number));
    this.#keys.set(number, account);
    return account;
  }

  /** The account of an address, before its client is known. */
  accountOfAddress(ip: string): Account {
    return this.#accountOfOne(addressPrincipal(ip));
  }

  /** How many principals are remembered. */
  get size(): number {
    return this.#young.size + this.#old.size;
  }

  #accountOfOne(principal: Principal): Account {
    return new Account({ budgets: this, principals: [principal], ownAllowance: undefined, clock: this.#clock });
  }

  #add(text: string, allowance: Allowance, now: number): Budget {
    if (now - this.#since >= generationMs || this.#young.size >= this.#maxBudgets) this.#turn(now);
    const budget = this.#old.get(text) ?? new Budget(allowance);
    this.#old.delete(text);
    this.#young.set(text, budget);
    return budget;
  }

  #turn(now: number): void {
    const over = this.#old;
    this.#old = this.#young;
    this.#young = new Map();
    this.#since = now;
    for (const [text, budget] of over) {
      if (this.#young.size >= this.#maxBudgets / 2) break;
      if (!budget.isUnused(now)) this.#young.set(text, budget);
    }
  }
}
