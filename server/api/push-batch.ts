import { ServiceError } from "../../protocol/errors.ts";
import * as fields from "../../protocol/fields.ts";
import { limits } from "../../protocol/limits.ts";
import type { Draft } from "../../protocol/publication.ts";
import { texts } from "../../protocol/texts.ts";
import type { Published } from "../broker/broker.ts";
import type { Hub } from "../hub/hub.ts";
import type { Sent } from "../hub/occupancy.ts";
import type { Moment } from "../lib/clock.ts";
import { type ApiDependencies, type Call, okInParts, type PartRefusal, type Reply } from "./call.ts";
import { inSpanOf } from "./draft.ts";
import { knownPushFields, parsePush, unknownFields, unknownParameters } from "./push.ts";

/** `POST /sse/push/batch`: up to 1000 events. One result per item, in order; an invalid item does not affect the others. */
export async function pushBatch({ hub }: ApiDependencies, call: Call): Promise<Reply> {
  const items = fields.parseJson(call.body, knownPushFields, 2);
  if (!Array.isArray(items)) throw fields.invalid("body", "an array of events", items);
  if (items.length > limits.batchItems) {
    throw fields.invalid("body", `at most ${limits.batchItems} events`, items.length);
  }
  if (items.length > 1) call.account.charge("messages", items.length - 1);
  const pushes = new Pushes(hub, call);
  for (let index = 0; index < items.length; index++) pushes.add(items[index]);
  if (!pushes.isDone) await pushes.finish();
  const warnings = unknownParameters(call);
  const { results } = pushes;
  return okInParts(warnings.length === 0 ? { results } : { results, warnings }, pushes.refusals());
}

/** The result of one item, as it is sent. `success` means that the user is connected. */
interface PushResult {
  readonly user_id: string | null;
  success: boolean;
  error: string | undefined;
  readonly warnings: readonly string[] | undefined;
}

/** An item that was published, and of whose user it is not known yet whether it is connected. */
interface Unknown extends Sent {
  readonly result: PushResult;
}

/**
 * The items of one request, and their results. Hot path: besides its draft, an item makes one object, its result, and a
 * promise only if the broker answers with one.
 */
class Pushes {
  readonly results: PushResult[] = [];
  readonly #hub: Hub;
  readonly #call: Call;
  readonly #refused: { readonly index: number; readonly refusal: PartRefusal }[] = [];
  readonly #unknown: Unknown[] = [];
  /** When the items are published: reading the clocks for each would take a tenth of an item. */
  #moment: Moment | undefined;
  /** Items that a broker outside of this process stores. */
  readonly #storing: Promise<void>[] = [];

  constructor(hub: Hub, call: Call) {
    this.#hub = hub;
    this.#call = call;
  }

  /** Never throws, except for bugs. */
  add(item: unknown): void {
    const isObject = typeof item === "object" && item !== null && !Array.isArray(item);
    const object = isObject ? (item as fields.Fields) : nobody;
    const result = resultFor(object);
    const index = this.results.push(result) - 1;
    try {
      if (!isObject) throw new ServiceError("invalid-field", "expected an object with user_id and data");
      const draft = inSpanOf(this.#call, parsePush(object));
      this.#moment ??= this.#hub.moment;
      const published = this.#hub.publish(draft, this.#moment);
      if (published instanceof Promise) this.#storing.push(this.#storeLater(index, result, draft, published));
      else this.#stored(result, draft, published);
    } catch (error) {
      this.#refuse(index, result, error);
    }
  }

  /** Whether all results are known. Always if the log and all connections are in this process. */
  get isDone(): boolean {
    return this.#storing.length === 0 && this.#unknown.length === 0;
  }

  async finish(): Promise<void> {
    await Promise.all(this.#storing);
    if (this.#unknown.length === 0) return;
    const connected = await this.#hub.occupancy.connected(this.#unknown);
    for (const { userId, result } of this.#unknown) if (connected.has(userId)) succeed(result);
  }

  /** In the order of the items. */
  refusals(): readonly PartRefusal[] {
    return this.#refused.sort((a, b) => a.index - b.index).map(({ refusal }) => refusal);
  }

  async #storeLater(index: number, result: PushResult, draft: Draft, publishing: Promise<Published>): Promise<void> {
    try {
      this.#stored(result, draft, await publishing);
    } catch (error) {
      this.#refuse(index, result, error);
    }
  }

  #stored(result: PushResult, { channel }: Draft, { listeners }: Published): void {
    if (listeners === 0) return;
    if (this.#hub.occupancy.hasMember(channel)) succeed(result);
    else if (result.user_id !== null) this.#unknown.push({ userId: result.user_id, listeners, result });
  }

  /** @throws on a bug */
  #refuse(index: number, result: PushResult, error: unknown): void {
    if (!(error instanceof ServiceError)) throw error;
    const { code, message: reason } = error;
    result.error = reason;
    const refusal = { code, reason, user: result.user_id ?? undefined };
    this.#refused.push({ index, refusal });
  }
}

function resultFor(object: fields.Fields): PushResult {
  const { user_id } = object;
  const warnings = unknownFields(object);
  return {
    user_id: typeof user_id === "string" ? user_id : null,
    success: false,
    error: texts.pushedPartial,
    warnings: warnings.length === 0 ? undefined : warnings,
  };
}

function succeed(result: PushResult): void {
  result.success = true;
  result.error = undefined;
}

/** The error for an item that is not an object. */
const nobody: fields.Fields = {};
