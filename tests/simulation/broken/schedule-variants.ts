import { RedisBroker } from "../../../server/broker/redis/broker.ts";
import { RedisScheduleStore } from "../../../server/schedule/redis/store.ts";
import { type BrokenVariant, replace } from "./broken-variant.ts";

export const scheduleVariants: readonly BrokenVariant[] = [
  {
    name: "each attempt to publish an occurrence has an id of its own",
    breaks: ["each occurrence once"],
    profile: "nodes",
    firstSeed: 20,
    put: () => {
      const { publish } = RedisBroker.prototype;
      let attempts = 0;
      return replace(RedisBroker.prototype, "publish", function (draft, rules) {
        const id = draft.id?.replace(/^slots:/, () => `slots:${++attempts}:`);
        return publish.call(this, id === undefined ? draft : { ...draft, id }, rules);
      });
    },
  },
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
];
