import { isRetryable, ServiceError } from "../../protocol/errors.ts";
import * as fields from "../../protocol/fields.ts";
import type { Hub } from "../hub/hub.ts";
import type { PublishOccurrence } from "../schedule/occurrence.ts";
import { knownPublishFields, parsePublishRequest } from "./publish-request.ts";

/** Makes the function that publishes occurrences of schedules. */
export function makePublishOccurrence(hub: Pick<Hub, "publish">): PublishOccurrence {
  return async ({ publish, id, allowsOwnId, only }) => {
    const { targets, draft } = parsePublishRequest(fields.parseObject(publish, knownPublishFields));
    const usedId = allowsOwnId ? (draft.id ?? id) : id;
    const remaining: number[] = [];
    const errors: ServiceError[] = [];
    const send = async (at: number) => {
      const channel = targets.channels[at];
      if (channel === undefined) return;
      try {
        await hub.publish({ ...draft, channel, id: usedId });
      } catch (error) {
        if (!(error instanceof ServiceError)) throw error;
        errors.push(error);
        if (isRetryable(error.code)) remaining.push(at);
      }
    };
    await Promise.all((only ?? [...targets.channels.keys()]).map(send));
    const [first] = errors;
    return {
      total: targets.channels.length,
      remaining,
      failed: errors.length - remaining.length,
      error: first === undefined ? null : { code: first.code, message: first.message },
    };
  };
}
