import { beforeEach, describe, expect, test } from "bun:test";
import { Budgets } from "./budgets.ts";
import { type BudgetSettings, unlimited } from "./rates.ts";

/** Milliseconds, set by the tests. */
let now = 0;
const clock = { monotonic: () => now };
beforeEach(() => {
  now = 0;
});

const limited = expect.objectContaining({ code: "rate-limited" });
const make = (settings: Partial<BudgetSettings>, capacity?: number) =>
  new Budgets({ ...unlimited, ...settings }, clock, capacity);
const user = (userId: string) => ({ userId, isProven: true, ip: "203.0.113.7" });

describe("an account", () => {
  test("shares the budget of its user with all other accounts of that user", () => {
    const budgets = make({ messageRate: 1 });
    budgets.accountOf(user("u")).charge("messages");
    budgets.accountOf(user("u")).charge("messages");
    expect(() => budgets.accountOf(user("u")).charge("messages")).toThrow(limited);
    expect(() => budgets.accountOf(user("v")).charge("messages")).not.toThrow();
  });

  test("of a user without a token is charged to the address too, whatever user it names", () => {
    const budgets = make({ messageRate: 1, usersPerAddress: 2 });
    const claimed = (userId: string) => budgets.accountOf({ ...user(userId), isProven: false });
    for (const name of ["a", "b", "c", "d"]) claimed(name).charge("messages");
    expect(() => claimed("e").charge("messages")).toThrow(limited);
    expect(() => budgets.accountOf(user("e")).charge("messages", 2)).not.toThrow();
  });

  test("charges none of its budgets if one refuses", () => {
    const budgets = make({ messageRate: 1, usersPerAddress: 1 });
    budgets.accountOf({ ...user("a"), isProven: false }).charge("messages", 2);
    for (let at = 0; at < 5; at++) {
      expect(() => budgets.accountOf({ ...user("b"), isProven: false }).charge("messages")).toThrow(limited);
    }
    expect(() => budgets.accountOf(user("b")).charge("messages", 2)).not.toThrow();
  });

  test("without limits is never refused", () => {
    const account = make({}).accountOf(user("u"));
    for (let at = 0; at < 1000; at++) expect(account.take("messages", 1000)).toBeUndefined();
  });

  test("counts costs that are known only afterwards, and refuses the next", () => {
    const account = make({ historyRate: 100 }).accountOf(user("u"));
    account.check("answerBytes");
    account.spend("answerBytes", 5000);
    expect(() => account.check("answerBytes")).toThrow(limited);
    now += 42_010;
    expect(() => account.check("answerBytes")).not.toThrow();
  });

  test("still counts the requests in progress of its user after minutes in which others were charged", () => {
    const budgets = make({ messageRate: 1, maxRequests: 1 });
    const close = budgets.accountOf(user("u")).openRequest(0);
    now += 60_000;
    budgets.accountOf(user("v")).charge("messages");
    expect(() => budgets.accountOf(user("u")).openRequest(0)).toThrow(limited);
    close();
    expect(() => budgets.accountOf(user("u")).openRequest(0)).not.toThrow();
  });

  test("may have one request of any size, since MAX_BODY_BYTES limits that one", () => {
    const account = make({ maxUnfinishedBytes: 100 }).accountOf(user("u"));
    const close = account.openRequest(5000);
    expect(() => account.openRequest(1)).toThrow(limited);
    close();
    account.openRequest(60);
    account.openRequest(40);
    expect(() => account.openRequest(1)).toThrow(limited);
  });
});

describe("remembered budgets", () => {
  test("are at most two generations, however many users there are", () => {
    const budgets = make({ messageRate: 1 }, 10);
    for (let at = 0; at < 1000; at++) budgets.accountOf(user(`u${at}`)).charge("messages");
    expect(budgets.size).toBeLessThanOrEqual(20);
  });

  test("are forgotten once they are full again, and kept while they are in debt or in use", () => {
    const budgets = make({ messageRate: 1, maxRequests: 1 });
    budgets.accountOf(user("in debt")).charge("messages", 1000);
    budgets.accountOf(user("in use")).openRequest(0);
    budgets.accountOf(user("idle")).charge("messages");
    for (const name of ["a", "b", "c", "d"]) {
      now += 60_000;
      budgets.accountOf(user(name)).charge("messages");
    }
    expect(budgets.size).toBe(4); // in debt, in use, c and d
    expect(() => budgets.accountOf(user("in debt")).charge("messages")).toThrow(limited);
    expect(() => budgets.accountOf(user("in use")).openRequest(0)).toThrow(limited);
  });
});
