import { expect, test } from "bun:test";
import { SocketUnderTest } from "../e2e/socket.ts";
import { TwoNodes } from "./two-nodes.ts";

test.concurrent("USER_CONNECTIONS=replace keeps the newest connection of both nodes", async () => {
  await using nodes = await TwoNodes.start({ USER_CONNECTIONS: "replace" });
  let last = await SocketUnderTest.open(`${nodes.one.wsUrl}?user_id=u`);
  for (let again = 0; again < 8; again++) {
    const { wsUrl } = again % 2 === 0 ? nodes.two : nodes.one;
    const next = await SocketUnderTest.open(`${wsUrl}?user_id=u`);
    expect((await last.untilClosed()).code).toBe(4502);
    last = next;
  }
  await nodes.untilOnline(1);
  // Both at once: one of them stays, whichever it is. The other may be closed before its welcome.
  const both = nodes.both.map(({ wsUrl }) => new SocketUnderTest(`${wsUrl}?user_id=u`));
  await Promise.all(both.map((it) => it.untilWelcomedOrClosed()));
  expect((await last.untilClosed()).code).toBe(4502);
  await nodes.untilOnline(1);
  expect(both.filter(({ closed }) => closed === undefined)).toHaveLength(1);
  for (const it of both) it[Symbol.dispose]();
});

test.concurrent("USER_CONNECTIONS=reject keeps the oldest until it leaves; a takeover can come from the other node", async () => {
  await using nodes = await TwoNodes.start({ USER_CONNECTIONS: "reject" });
  using first = await SocketUnderTest.open(`${nodes.one.wsUrl}?user_id=u`);
  const protocols = ["fanfare.v1"]; // such a client is told why it is refused
  using second = new SocketUnderTest(`${nodes.two.wsUrl}?user_id=u`, { protocols });
  expect((await second.untilClosed()).code).toBe(4501);
  const takesOver = `takes_over=${first.welcome.resume_key}`;
  using successor = await SocketUnderTest.open(`${nodes.two.wsUrl}?user_id=u&${takesOver}`);
  expect((await first.untilClosed()).code).toBe(1000);
  using third = new SocketUnderTest(`${nodes.one.wsUrl}?user_id=u`, { protocols });
  expect((await third.untilClosed()).code).toBe(4501);
  successor.close();
  await nodes.untilOnline(0);
  using last = await SocketUnderTest.open(`${nodes.one.wsUrl}?user_id=u`);
  expect(last.welcome).toMatchObject({ online: 1 });
});
