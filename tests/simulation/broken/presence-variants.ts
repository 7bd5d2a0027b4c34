import { RedisPresence } from "../../../server/presence/redis/store.ts";
import { PresenceTracker } from "../../../server/presence/tracker.ts";
import { type BrokenVariant, replace } from "./broken-variant.ts";

export const presenceVariants: readonly BrokenVariant[] = [
  {
    name: "the presence of a connection that ended stays",
    breaks: ["presence is true at rest"],
    profile: "nodes",
    firstSeed: 1,
    put: () => replace(PresenceTracker.prototype, "end", () => undefined),
  },
  {
    name: "presences that Redis has lost are not stored again",
    breaks: ["presence is true at rest"],
    profile: "redis",
    firstSeed: 49,
    put: () => {
      const { start } = RedisPresence.prototype;
      return replace(RedisPresence.prototype, "start", function (events) {
        return start.call(this, { ...events, onLost: () => undefined });
      });
    },
  },
  {
    name: "a client that moves to another node joins and leaves",
    breaks: ["no notice of a move"],
    profile: "roll",
    firstSeed: 1,
    put: () => {
      const { join } = PresenceTracker.prototype;
      return replace(PresenceTracker.prototype, "join", function (channel, arrival) {
        join.call(this, channel, { ...arrival, over: undefined });
      });
    },
  },
];
