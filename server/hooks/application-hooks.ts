import type { ChannelName } from "../../protocol/channel-name.ts";
import { ServiceError } from "../../protocol/errors.ts";
import type { Application } from "../auth/application.ts";
import type { Identity } from "../auth/identity.ts";
import type { Clock } from "../lib/clock.ts";
import { DecisionHook, type Question } from "./decision.ts";
import type { Post } from "./post.ts";
import type { Verdict } from "./verdict.ts";

export interface ApplicationHookSettings {
  readonly connectHookUrl: string | undefined;
  readonly subscribeHookUrl: string | undefined;
  readonly hookTimeoutMs: number;
  readonly hookFailure: "refuse" | "allow";
}

/** Asks the application by HTTP. Without a URL everybody may connect, and nobody may subscribe by the rule `hook`. */
export class ApplicationHooks implements Application {
  readonly #connect: DecisionHook | undefined;
  readonly #subscribe: DecisionHook | undefined;

  constructor(settings: ApplicationHookSettings, post: Post, clock: Clock) {
    const { connectHookUrl, subscribeHookUrl, hookTimeoutMs: timeoutMs, hookFailure } = settings;
    const hook = (type: "connect" | "subscribe", url: string | undefined) =>
      url === undefined
        ? undefined
        : new DecisionHook({ type, url, timeoutMs, allowsOnFailure: hookFailure === "allow" }, post, clock);
    this.#connect = hook("connect", connectHookUrl);
    this.#subscribe = hook("subscribe", subscribeHookUrl);
  }

  get decidesOnConnections(): boolean {
    return this.#connect !== undefined;
  }

  mayConnect(identity: Identity, ip: string): Promise<void> | undefined {
    const { userId = null, token } = identity;
    return decide(this.#connect, { user_id: userId, token_id: token?.id ?? null, ip }, identity);
  }

  maySubscribe(identity: Identity, channel: ChannelName): Promise<void> | undefined {
    if (this.#subscribe === undefined) throw new ServiceError("forbidden", "no subscribe hook is configured");
    return decide(this.#subscribe, { channel, user_id: identity.userId ?? null }, identity);
  }

  /** Sums of both hooks, for the metrics. */
  get counts(): DecisionHook["counts"] {
    const sums = { calls: 0, failures: 0, kept: 0, refusals: 0 };
    for (const hook of [this.#connect, this.#subscribe]) {
      sums.calls += hook?.counts.calls ?? 0;
      sums.failures += hook?.counts.failures ?? 0;
      sums.kept += hook?.counts.kept ?? 0;
      sums.refusals += hook?.counts.refusals ?? 0;
    }
    return sums;
  }
}

/** @throws ServiceError if the answer is no and is known already */
function decide(hook: DecisionHook | undefined, question: Question, identity: Identity): Promise<void> | undefined {
  const verdict = hook?.ask(question);
  if (verdict instanceof Promise) return verdict.then((it) => check(it, identity));
  if (verdict !== undefined) check(verdict, identity);
  return undefined;
}

/** A client without a user may succeed with a token. */
function check(verdict: Verdict, { userId }: Identity): void {
  if (verdict.isAllowed) return;
  const message = verdict.reason ?? "the application does not allow it";
  throw new ServiceError(userId === undefined ? "unauthorized" : "forbidden", message);
}
