import { Records } from "../../../server/broker/redis/records.ts";
import { RedisScheduleStore } from "../../../server/schedule/redis/store.ts";
import { type BrokenVariant, replace } from "./broken-variant.ts";

export const scheduleVariants: readonly BrokenVariant[] = [
  {
    name: "nobody fires the schedules after the node that fired them has died",
    breaks: ["each occurrence once"],
    profile: "nodes",
    firstSeed: 1,
    put: () => {
      const { lease } = RedisScheduleStore.prototype;
      return replace(RedisScheduleStore.prototype, "lease", async function (request) {
        const answer = await lease.call(this, request);
        return answer.token === 1 ? answer : { ...answer, token: undefined };
      });
    },
  },
  {
    name: "an occurrence whose outcome is unknown is published twice, because the broker does not remember its id",
    breaks: ["each occurrence once"],
    profile: "schedules",
    firstSeed: 13,
    put: () => {
      const { publish } = Records.prototype;
      return replace(Records.prototype, "publish", function (draft, rules) {
        const isOccurrence = draft.id?.startsWith("slots:") === true;
        return publish.call(this, isOccurrence ? { ...draft, id: undefined } : draft, rules);
      });
    },
  },
];
