import { expect, test } from "bun:test";
import type { ChannelName } from "../../protocol/channel-name.ts";
import { MovedClock } from "../lib/moved-clock.ts";
import { PresenceLedger } from "./ledger.ts";
import { noEpoch } from "./presence-store.ts";

test("of the channels that are empty, only the last ten thousand are remembered", () => {
  const ledger = new PresenceLedger(new MovedClock());
  const nameOf = (n: number) => `room:${n}` as ChannelName;
  const arrival = { over: undefined, resumes: false, userId: undefined, info: undefined, since: 0 };
  for (let n = 0; n <= 10_000; n++) {
    ledger.apply("w", nameOf(n), [{ kind: "join", hasPlace: true, holder: "c", ...arrival }], 10);
    ledger.apply("w", nameOf(n), [{ kind: "leave", holder: "c" }], 10);
  }
  expect(ledger.positionOf(nameOf(0)).epoch).toBe(noEpoch);
  expect(ledger.positionOf(nameOf(1)).position).toBe(2);
});
