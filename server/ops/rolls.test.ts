import { expect, test } from "bun:test";
import { MemoryCluster } from "../cluster/memory/cluster.ts";
import { Peers } from "../cluster/peers.ts";
import { Switchboard } from "../cluster/switchboard.ts";
import { MovedClock } from "../lib/moved-clock.ts";
import { hostRolls, RemoteRolls } from "./rolls.ts";

test("a worker asks the supervisor of its own node, and no other one, to replace the workers", async () => {
  const clock = new MovedClock();
  const board = new Switchboard(clock);
  const asked: string[] = [];
  const join = async (name: string) => {
    const peers = new Peers(new MemoryCluster(board, { name, pid: 1, isDraining: false }, clock), clock);
    await peers.start();
    await clock.moveInSteps(100, 50);
    return peers;
  };
  for (const node of ["one", "two"]) {
    const record = (what: string) => async () => {
      asked.push(`${what} ${node}`);
      return { number: 1 };
    };
    const rolls = { reload: record("reload"), upgrade: record("upgrade"), status: async () => undefined };
    hostRolls(rolls, await join(`${node} supervisor`), node);
  }
  const rolls = new RemoteRolls(await join("two worker 1"), () => "two");
  expect([await rolls.reload(), await rolls.upgrade()]).toEqual([{ number: 1 }, { number: 1 }]);
  expect(asked).toEqual(["reload two", "upgrade two"]);
  expect(await new RemoteRolls(await join("three worker 1"), () => "three").reload()).toEqual({
    refusal: "the supervisor does not answer",
  });
});
