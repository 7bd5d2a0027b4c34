import type { Position } from "../../../protocol/position.ts";
import { RedisBroker } from "../../../server/broker/redis/broker.ts";
import { KnownOffsets } from "../../../server/broker/redis/known-offsets.ts";
import { Members } from "../../../server/broker/redis/members.ts";
import { OffsetQueries } from "../../../server/broker/redis/offset-queries.ts";
import { Records } from "../../../server/broker/redis/records.ts";
import { HeldClaims } from "../../../server/cluster/held-claims.ts";
import { Peers } from "../../../server/cluster/peers.ts";
import { Sequencer } from "../../../server/delivery/sequencer.ts";
import { Tail } from "../../../server/delivery/tail.ts";
import { Succession } from "../../../server/hub/succession.ts";
import { UserClaims } from "../../../server/hub/user-claims.ts";
import { levelAtHead } from "../../delivery/level-at-head.ts";
import { type BrokenVariant, both, replace } from "./broken-variant.ts";
import { cutOffVariants } from "./cut-off-variants.ts";
import { presenceVariants } from "./presence-variants.ts";
import { scheduleVariants } from "./schedule-variants.ts";

export const variants: readonly BrokenVariant[] = [
  ...presenceVariants,
  ...scheduleVariants,
  ...cutOffVariants,
  {
    name: "sessions become level at what came last instead of at what was flushed",
    breaks: ["contiguous or announced"],
    profile: "nodes",
    firstSeed: 2,
    put: levelAtHead,
  },
  {
    name: "tops are not compared, neither after a broken connection nor from time to time",
    breaks: ["everything delivered at rest"],
    profile: "nodes",
    firstSeed: 5,
    put: () => replace(Sequencer.prototype, "compareTops", async () => undefined),
  },
  {
    name: "a top that went back within its epoch is ignored",
    breaks: ["everything delivered at rest"],
    profile: "redis",
    firstSeed: 4,
    put: () => {
      const { tops } = RedisBroker.prototype;
      return replace(RedisBroker.prototype, "tops", function (channels) {
        return tops.call(this, channels);
      });
    },
  },
  {
    name: "a channel with an old record is used as it is, so positions are assigned twice",
    breaks: ["one publication per position"],
    profile: "redis",
    firstSeed: 1,
    put: () => {
      const { settle } = Records.prototype;
      return replace(Records.prototype, "settle", function (old) {
        return settle.call(this, old, true);
      });
    },
  },
  {
    name: "a failover that lost nothing gives every channel a new epoch",
    breaks: ["no notice of a failover that lost nothing"],
    profile: "failover",
    firstSeed: 1,
    put: () => {
      const { settle } = Records.prototype;
      return replace(Records.prototype, "settle", function (old) {
        return settle.call(this, old, false);
      });
    },
  },
  {
    name: "former epochs of a channel are forgotten at once",
    breaks: ["one publication per position"],
    profile: "redis",
    firstSeed: 22,
    put: () => {
      const { highest } = KnownOffsets.prototype;
      const latest = new WeakMap<KnownOffsets, Map<string, string>>();
      const { observed } = KnownOffsets.prototype;
      const see = replace(KnownOffsets.prototype, "observed", function (channel, position) {
        const epochs = latest.get(this) ?? new Map<string, string>();
        latest.set(this, epochs.set(channel, position.epoch));
        observed.call(this, channel, position);
      });
      const forget = replace(KnownOffsets.prototype, "highest", function (channel, epoch) {
        const now = latest.get(this)?.get(channel);
        return now === undefined || now === epoch ? highest.call(this, channel, epoch) : 0;
      });
      return both(see, forget);
    },
  },
  {
    name: "the position that a retry is answered with is not remembered",
    breaks: ["one publication per position"],
    profile: "lost-tail",
    firstSeed: 1,
    put: () => {
      const given = new WeakSet<Position>();
      const { publish } = Records.prototype;
      const answer = replace(Records.prototype, "publish", async function (...args) {
        const outcome = await publish.apply(this, args);
        if (outcome.outcome === "duplicate") given.add(outcome.position);
        return outcome;
      });
      const { remember } = KnownOffsets.prototype;
      const forget = replace(KnownOffsets.prototype, "remember", function (channel, position) {
        if (!given.has(position)) remember.call(this, channel, position);
      });
      return both(answer, forget);
    },
  },
  {
    name: "the position that a reader of the history is given is not remembered",
    breaks: ["one publication per position"],
    profile: "lost-tail",
    firstSeed: 134,
    put: () => {
      const given = new WeakSet<Position>();
      const { read } = Records.prototype;
      const answer = replace(Records.prototype, "read", async function (...args) {
        const history = await read.apply(this, args);
        if ("publications" in history) given.add(history.top);
        return history;
      });
      const { acknowledged } = KnownOffsets.prototype;
      const forget = replace(KnownOffsets.prototype, "acknowledged", function (channel, position) {
        if (!given.has(position)) acknowledged.call(this, channel, position);
      });
      return both(answer, forget);
    },
  },
  {
    name: "a member that leaves does not hand over what it knows",
    breaks: ["one publication per position"],
    profile: "lost-tail",
    firstSeed: 40,
    put: () => replace(KnownOffsets.prototype, "all", () => []),
  },
  {
    name: "a member that died without handing over is forgotten",
    breaks: ["one publication per position"],
    profile: "lost-tail",
    firstSeed: 65,
    put: () => {
      const { expectedAt } = Members.prototype;
      return replace(Members.prototype, "expectedAt", function (id) {
        return expectedAt.call(this, id) === undefined ? undefined : new Set();
      });
    },
  },
  {
    name: "a query about offsets continues although its member was disconnected",
    breaks: ["no notice of a failover that lost nothing"],
    profile: "failovers",
    firstSeed: 23,
    put: () => replace(OffsetQueries.prototype, "disconnected", () => undefined),
  },
  {
    name: "whether somebody continues a connection is asked after it is forgotten",
    breaks: ["no notice of a move"],
    profile: "roll",
    firstSeed: 1,
    put: () => {
      const { ended } = Succession.prototype;
      return replace(Succession.prototype, "ended", function (id) {
        ended.call(this, id);
        return false;
      });
    },
  },
  {
    name: "an exception in a flush takes along what the others would have got",
    breaks: ["contiguous or announced", "everything delivered at rest"],
    profile: "nodes",
    firstSeed: 1,
    put: () => {
      const { flush } = Tail.prototype;
      let count = 0;
      return replace(Tail.prototype, "flush", function () {
        const pushes = flush.call(this);
        return ++count % 50 === 0 ? [] : pushes;
      });
    },
  },
  {
    name: "a claim is not released when its connection ends",
    breaks: ["a free user is let in", "everybody is connected at rest"],
    profile: "nodes",
    firstSeed: 50,
    put: () => replace(HeldClaims.prototype, "release", () => undefined),
  },
  {
    name: "a client whose node died is refused because of its own old connection",
    breaks: ["everybody is connected at rest"],
    profile: "claims",
    firstSeed: 15,
    put: () => {
      const { claim } = UserClaims.prototype;
      const forget = replace(UserClaims.prototype, "claim", function (claimant) {
        return claim.call(this, { ...claimant, formerId: undefined });
      });
      // A node that does not answer is not asked, so the refusal is final.
      const { askOne } = Peers.prototype;
      const assume = replace(Peers.prototype, "askOne", async function (id, topic, body) {
        return topic === "probe" ? "open" : askOne.call(this, id, topic, body);
      });
      return both(forget, assume);
    },
  },
];
