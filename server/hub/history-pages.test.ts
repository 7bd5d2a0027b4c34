import { afterEach, expect, test } from "bun:test";
import { makePublication, room } from "../../tests/fakes/publication.ts";
import type { History } from "../broker/log.ts";
import { MovedClock } from "../lib/moved-clock.ts";
import { Account } from "../limits/account.ts";
import { Backlog, type Holder } from "../session/backlog.ts";
import { HistoryPages } from "./history-pages.ts";

const sendBufferBytes = 10_000_000;
const clock = new MovedClock();
const backlog = new Backlog({ slowTimeoutMs: 60_000, sendBufferBytes }, clock);
afterEach(() => backlog.close());

/** A client that reads nothing, or only for as long as it moves. */
class Reader implements Holder {
  bytes = 0;

  hold(bytes: number): void {
    this.bytes = bytes;
    backlog.note(this, bytes);
  }

  buffered(): number {
    return this.bytes;
  }

  onStall(): void {
    this.hold(0);
  }
}

/** Publications of about this size, which each read returns at once. */
function makePages(sizes: readonly number[]) {
  let reads = 0;
  const publications = sizes.map((size, index) => makePublication(index + 1, { message: "x".repeat(size) }));
  const history: History = { top: { epoch: "e1", offset: sizes.length }, publications, gap: undefined };
  const pages = new HistoryPages(
    async () => {
      reads++;
      return history;
    },
    backlog,
    clock,
  );
  const ask = () => pages.read({ channel: room, since: { from: "earliest" }, limit: 1000 }, Account.unlimited);
  return { ask, reads: () => reads };
}

test("a page has at most 256 KiB of text, and at least one publication", async () => {
  const offsetsOf = async (sizes: readonly number[]) =>
    (await makePages(sizes).ask()).publications.map(({ offset }) => offset);
  expect(await offsetsOf([100_000, 100_000, 60_000, 10_000])).toEqual([1, 2, 3]);
  expect(await offsetsOf([300_000, 10])).toEqual([1]);
  expect(await offsetsOf([])).toEqual([]);
});

test("a large page counts as buffered until the end of the turn in which it is encoded", async () => {
  const { ask } = makePages([200_000]);
  await ask();
  expect(backlog.bytes).toBeGreaterThan(200_000);
  clock.move(0);
  expect(backlog.bytes).toBe(0);
});

test.each([10_000, 250_000])("a page of usual size (%i bytes) is read even if there is no room", async (size) => {
  new Reader().hold(sendBufferBytes);
  const { ask } = makePages([size]);
  expect((await ask()).publications).toHaveLength(1);
});

test("of the pages of usual size, 32 MiB are handed out in one turn, and the others soon afterwards", async () => {
  const { ask } = makePages([250_000]);
  let handedOut = 0;
  const answers = Array.from({ length: 300 }, () => ask().then(() => handedOut++));
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  expect(handedOut).toBeWithin(100, 135);
  await clock.moveInSteps(200, 50);
  await Promise.all(answers);
  expect(handedOut).toBe(300);
});

test("of answers that are ready together, only as many are handed out as fit", async () => {
  const { ask } = makePages([2_400_000]);
  const handedOut: number[] = [];
  const answers = Array.from({ length: 5 }, async (_, index) => {
    await ask();
    handedOut.push(index);
    new Reader().hold(2_400_000); // its client reads nothing
  });
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  expect(handedOut).toEqual([0, 1, 2]);
  expect(backlog.bytes).toBeLessThanOrEqual(sendBufferBytes);
  // Readers without progress for three seconds make room for the others.
  await clock.moveInSteps(8000, 50);
  await Promise.all(answers);
  expect(handedOut).toEqual([0, 1, 2, 3, 4]);
});

test("an answer that does not fit for ten seconds is refused, and says when to retry", async () => {
  const { ask, reads } = makePages([8_000_000]);
  const moving = new Reader();
  moving.hold(sendBufferBytes / 2);
  const refused = ask().catch((error: unknown) => error);
  for (let step = 0; step < 12; step++) {
    moving.hold(moving.bytes - 1); // it reads, so it keeps its place
    await clock.moveInSteps(1000, 50);
  }
  expect(await refused).toMatchObject({ code: "rate-limited", retryAfterMs: 2000 });
  expect(reads()).toBe(1);
});
