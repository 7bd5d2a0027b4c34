import { expect, test } from "bun:test";
import { until } from "../../../tests/waiting.ts";
import { makeSocketPath, removeSocketPath } from "../../lib/link/socket-path.ts";
import { listenForLinks } from "../../lib/link/sockets.ts";
import { MovedClock } from "../../lib/moved-clock.ts";
import type { Claim } from "../cluster.ts";
import { IpcCluster } from "./cluster.ts";
import { clusterProtocol, type HostMessage, type MemberMessage } from "./messages.ts";

const claim: Claim = { key: "user:u1", holder: "c_1", over: "nobody" };
const claimMs = 5000;

/** A host that accepts every member, and answers claims when the test says so. */
async function beginWithSilentHost() {
  const path = makeSocketPath("fanfare-test");
  const asked: { readonly n: number; answer(): void }[] = [];
  const listener = listenForLinks(path, { protocol: clusterProtocol, name: "host" }, (link) => ({
    onOpen: () => undefined,
    onText: (text) => {
      const send = (message: HostMessage) => link.send(JSON.stringify(message));
      const word = JSON.parse(text) as MemberMessage;
      if (word.verb === "join") send({ verb: "welcome", id: "m_1", others: [] });
      if (word.verb === "claim") {
        const { n } = word;
        asked.push({ n, answer: () => send({ verb: "claimed", n, isGranted: true, previous: undefined }) });
      }
    },
    onClose: () => undefined,
  }));
  const clock = new MovedClock();
  const state = { name: "worker 1", pid: 1, startedAt: 0, isDraining: false };
  const cluster = new IpcCluster({ path, state, clock });
  await cluster.start({
    onJoined: () => undefined,
    onLeft: () => undefined,
    onMessage: () => undefined,
    onReturned: () => undefined,
  });
  return {
    clock,
    cluster,
    asked,
    async [Symbol.asyncDispose]() {
      await cluster.close();
      listener.close();
      removeSocketPath(path);
    },
  };
}

test("a claim without an answer is refused after five seconds, and not before", async () => {
  await using it = await beginWithSilentHost();
  let outcome = "waits";
  void it.cluster.claim(claim).catch((error: Error) => {
    outcome = error.message;
  });
  await until(() => it.asked.length === 1, "the claim has arrived");
  await it.clock.moveInSteps(claimMs - 1, 100);
  expect(outcome).toBe("waits");
  await it.clock.moveInSteps(1, 1);
  expect(outcome).toContain("does not answer");
});

test("a late answer is ignored, and the next claim gets its own", async () => {
  await using it = await beginWithSilentHost();
  const late = it.cluster.claim(claim);
  await until(() => it.asked.length === 1, "the claim has arrived");
  it.clock.move(claimMs);
  await expect(late).rejects.toThrow("does not answer");
  const next = it.cluster.claim(claim);
  await until(() => it.asked.length === 2, "the next claim has arrived");
  for (const { answer } of it.asked) answer();
  expect(await next).toMatchObject({ isGranted: true });
});

test("pending claims are refused when the member leaves the cluster", async () => {
  await using it = await beginWithSilentHost();
  const claimed = it.cluster.claim(claim);
  const [[refusal]] = await Promise.all([Promise.allSettled([claimed]), it.cluster.close()]);
  expect(refusal.status).toBe("rejected");
});
