import { ServiceError } from "../../../protocol/errors.ts";
import type { Call, Verb } from "../../../server/api/call.ts";
import { postMessage, publish } from "../../../server/api/publish.ts";
import { makePublishOccurrence } from "../../../server/api/publish-occurrence.ts";
import { push } from "../../../server/api/push.ts";
import { pushBatch } from "../../../server/api/push-batch.ts";
import { postSchedule } from "../../../server/api/schedules.ts";
import { Account } from "../../../server/limits/account.ts";
import { Records } from "../../../server/schedule/memory/records.ts";
import { MemoryScheduleStore } from "../../../server/schedule/memory/store.ts";
import { Schedules } from "../../../server/schedule/schedules.ts";
import { nameOf, TestHub } from "../../fakes/hub.ts";
import { type FuzzTarget, kindOf, must } from "../target.ts";

const verbs: Readonly<Record<string, Verb>> = {
  p: publish,
  m: postMessage,
  u: push,
  b: pushBatch,
  s: postSchedule,
};

/** Bodies of the HTTP API. The first character chooses the request. */
export async function bodyTarget(): Promise<FuzzTarget> {
  const hub = await TestHub.start();
  const { connection } = await hub.connect({ userId: "u1", channels: [nameOf("room")] });
  return {
    name: "body",
    seeds: [
      'p{"channel":"room","data":{"a":[1,"b"]},"event":"e","id":"i","headers":{"h":"v"}}',
      'p{"channels":["room","b"],"message":"m","exclude_connection_id":"c_1"}',
      'm{"any":["json"]}',
      'u{"user_id":"u1","data":{"x":1},"event_type":"t","event_id":"e1","timestamp":1700000000}',
      'b[{"user_id":"u1","data":1},{"user_id":"__proto__","data":null}]',
      's{"publish":{"channel":"room","data":1},"cron":"*/5 * * * *","tz":"Europe/Berlin","starts_at":"2026-01-01T00:00:00Z"}',
      's{"publish":{"channel":"room","message":"m"},"every_s":60,"max_runs":3}',
      'p{"channel":"room","message":"later","delay_s":60,"id":"i"}',
    ],
    words: [
      ...[
        '"channel":',
        '"channels":[',
        '"data":',
        '"message":',
        '"user_id":',
        '"event_type":',
        '"event_id":',
        '"timestamp":',
      ],
      ...['"headers":{', '"cron":', '"tz":', '"every_s":', '"publish":', '"at":', '"delay_s":', "[", "]", "{", "}"],
    ],
    async run(input) {
      const letter = Object.keys(verbs).find((it) => it === input[0]) ?? "p";
      const verb = verbs[letter] ?? publish;
      const before = connection.accepted.length;
      const kind = await perform(hub, verb, input.slice(1));
      await hub.settle();
      for (const frame of connection.accepted.slice(before))
        must(frame.type !== "error", "a publication is not an error");
      must(connection.closedWith === undefined, "no body closes the connection of somebody else");
      connection.accepted.length = 0;
      return `${letter} ${kind}`;
    },
    close: () => hub.close(),
  };
}

async function perform({ hub, clock }: TestHub, verb: Verb, body: string): Promise<string> {
  const records = new Records({ limits: { maxSchedules: 10, scheduleBytes: 1_000_000 }, clock });
  const store = new MemoryScheduleStore(records);
  const schedules = new Schedules({ store, publish: makePublishOccurrence(hub), clock });
  const call: Call = {
    identity: undefined,
    mayRead: () => true,
    params: { channel: "room" },
    query: new URLSearchParams(),
    body,
    headers: { get: (name) => (name === "Content-Type" ? "application/json" : null) },
    account: Account.unlimited,
  };
  try {
    const reply = await verb({ hub, schedules } as never, call);
    const answer = JSON.parse(reply.body) as object;
    return `${reply.status} ${Object.keys(answer).slice(0, 6).join()}`;
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    must(error.code !== "internal", "no body causes an internal error");
    return kindOf(`${error.code} ${error.message}`);
  } finally {
    records.close();
  }
}
