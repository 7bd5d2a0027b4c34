import { expect, test } from "bun:test";
import { turn } from "../../tests/waiting.ts";
import { ChangeQueue } from "./change-queue.ts";
import type { PresenceChange } from "./presence-store.ts";

const join = (holder: string): PresenceChange => ({
  kind: "join",
  holder,
  hasPlace: true,
  over: undefined,
  resumes: false,
  userId: undefined,
  info: undefined,
  since: 0,
});
const leave = (holder: string): PresenceChange => ({ kind: "leave", holder });
const release = (holder: string): PresenceChange => ({ kind: "release", holder });

/** A queue whose calls the test answers. */
function begin() {
  const calls: { readonly holders: string; readonly resolve: () => void; readonly reject: (error: Error) => void }[] =
    [];
  const queue = new ChangeQueue((changes) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    calls.push({ holders: changes.map(({ kind, holder }) => `${kind} ${holder}`).join(), resolve, reject });
    return promise;
  });
  return { queue, calls };
}

test("changes of one turn are one call, and those that arrive meanwhile are the next one", async () => {
  const { queue, calls } = begin();
  for (const it of ["a", "b"]) {
    queue.add(leave(it));
    void queue.flush();
  }
  await turn();
  for (const it of ["c", "d"]) queue.add(leave(it));
  await turn();
  expect(calls.map(({ holders }) => holders)).toEqual(["leave a,leave b"]);
  calls[0]?.resolve();
  await turn();
  expect(calls[1]?.holders).toBe("leave c,leave d");
  expect(queue.isEmpty).toBe(false);
  calls[1]?.resolve();
  await turn();
  expect(queue.isEmpty).toBe(true);
});

test("a storm is stored in parts of 200", async () => {
  const { queue, calls } = begin();
  for (let n = 0; n < 450; n++) queue.add(leave(`c${n}`));
  const flushed = queue.flush();
  for (let at = 0; at < 3; at++) {
    await turn();
    calls[at]?.resolve();
  }
  await flushed;
  expect(calls.map(({ holders }) => holders.split(",").length)).toEqual([200, 200, 50]);
});

test("only the last change of a connection is stored", async () => {
  const { queue, calls } = begin();
  for (const change of [release("a"), leave("b"), leave("a")]) queue.add(change);
  queue.addIfNew(release("b"));
  void queue.flush();
  await turn();
  expect(calls[0]?.holders).toBe("leave b,leave a");
});

test("changes that could not be stored come first the next time, unless there is a newer change", async () => {
  const { queue, calls } = begin();
  for (const it of ["a", "b"]) queue.add(release(it));
  const first = queue.flush();
  await turn();
  queue.add(leave("c"));
  queue.add(leave("a"));
  calls[0]?.reject(new Error("away"));
  await expect(first).rejects.toThrow("away");
  void queue.flush();
  await turn();
  expect(calls[1]?.holders).toBe("leave a,release b,leave c");
});

test("a change that is added while the last call ends is stored by its own flush", async () => {
  const { queue, calls } = begin();
  queue.add(leave("a"));
  const first = queue.flush();
  await turn();
  calls[0]?.resolve();
  await first;
  queue.add(leave("b"));
  void queue.flush();
  await turn();
  expect(calls[1]?.holders).toBe("leave b");
});

test("a connection that comes and goes before the store is told of it leaves nothing to be stored", async () => {
  const { queue, calls } = begin();
  for (const change of [join("a"), release("a"), leave("a")]) queue.add(change, change.kind === "join");
  await queue.flush();
  expect([queue.isEmpty, calls.length]).toEqual([true, 0]);
});

test("that a connection has left is stored if the store may know of it: it was told, or a call has failed", async () => {
  const { queue, calls } = begin();
  queue.add(join("told"), true);
  const first = queue.flush();
  await turn();
  queue.add(leave("told"));
  calls[0]?.resolve();
  await turn();
  expect(calls[1]?.holders).toBe("leave told");
  queue.add(join("told"), true); // again, while the store is told that it has left
  calls[1]?.reject(new Error("away"));
  await expect(first).rejects.toThrow("away");
  queue.add(leave("told"));
  void queue.flush();
  await turn();
  expect(calls[2]?.holders).toBe("leave told");
});
