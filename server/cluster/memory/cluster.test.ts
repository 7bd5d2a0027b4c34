import { clusterConformance } from "../../../tests/conformance/cluster.ts";
import { MovedClock } from "../../lib/moved-clock.ts";
import { Switchboard } from "../switchboard.ts";
import { MemoryCluster } from "./cluster.ts";

clusterConformance("a cluster in one process", async () => {
  const clock = new MovedClock();
  const switchboard = new Switchboard(clock, 6000);
  const silent = new MovedClock();
  const members: MemoryCluster[] = [];
  return {
    make: (state) => {
      // Every member but the first has its own stopped clock. Time alone makes a member silent.
      const member = new MemoryCluster(switchboard, state, members.length === 0 ? clock : silent, 6000);
      members.push(member);
      return member;
    },
    silence: async () => {
      clock.move(9000);
    },
    wake: async () => {
      silent.move(2000);
    },
    settle: async () => {
      await Promise.resolve();
    },
    close: async () => {
      for (const member of members) await member.close();
    },
  };
});
