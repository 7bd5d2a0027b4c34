import { Members } from "../../../server/broker/redis/members.ts";
import { type BrokenVariant, both, replace } from "./broken-variant.ts";

export const cutOffVariants: readonly BrokenVariant[] = [
  {
    name: "members that are cut off or dead are not known from their stored heartbeats, only those that were heard",
    breaks: ["one publication per position"],
    profile: "cut-off",
    firstSeed: 1,
    put: () => {
      const heard = new WeakMap<Members, Map<string, readonly string[]>>();
      const { idsEnded } = Members.prototype;
      const note = replace(Members.prototype, "idsEnded", function (ids) {
        const known = heard.get(this) ?? new Map<string, readonly string[]>();
        heard.set(this, known);
        if (this.isIntroduced) for (const id of ids) known.set(id, this.alive());
        idsEnded.call(this, ids);
      });
      const tell = replace(Members.prototype, "expectedAt", function (id) {
        const alive = heard.get(this)?.get(id);
        return alive && new Set(alive.filter((it) => !this.hasLeft(it)));
      });
      return both(note, tell);
    },
  },
];
