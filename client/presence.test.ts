import { describe, expect, test } from "bun:test";
import { ScriptedEnvironment, type ScriptedSocket, settle } from "../tests/client/scripted-environment.ts";
import type { Presence } from "./presence.ts";

const live = { epoch: "k3x9", offset: 9, from: 10 };
const since = "2026-11-20T10:30:25.123Z";
const member = (user: string) => ({ connection_id: `c_${user}`, user_id: user, since });
const event = (event: "joined" | "left", position: number, user: string, more: object = {}) => ({
  type: "presence",
  event,
  channel: "room",
  epoch: "e1",
  position,
  connection_id: `c_${user}`,
  user_id: user,
  count: position,
  timestamp: since,
  ...more,
});
const reset = { type: "presence", event: "reset", channel: "room", timestamp: since };

/** A client in the channel `room` that shows its presence. */
async function begin() {
  const environment = new ScriptedEnvironment();
  const { client, socket } = await environment.connected({}, { room: live });
  const shown: string[] = [];
  const errors: string[] = [];
  const room = client.channel("room");
  const offs = [
    room.on("presence", ({ count, members }: Presence) => {
      shown.push(`${count}: ${members.map(({ user_id }) => user_id).join(" ")}`);
    }),
    room.on("error", ({ code }) => errors.push(code)),
  ];
  await environment.move(0);
  const answerJoin = (at: ScriptedSocket) => {
    const { ref } = at.sent.findLast(({ command }) => command.type === "subscribe") ?? {};
    at.deliver({ type: "subscribed", channel: "room", ...live, ref });
  };
  answerJoin(socket);
  await settle(); // the code for presence is loaded
  /** Answers the last question. */
  const answer = async (position: number, users: readonly string[], more: object = {}, at = socket) => {
    const { ref } = at.sent.findLast(({ command }) => command.type === "presence") ?? {};
    const page = { type: "presence", channel: "room", count: users.length, users, members: users.map(member) };
    at.deliver({ ...page, epoch: "e1", position, ...more, ref });
    await settle();
    await environment.move(0);
  };
  const deliver = async (...frames: readonly object[]) => {
    for (const it of frames) socket.deliver(it);
    await settle();
    await environment.move(0);
  };
  const asked = (at = socket) => at.commands.filter(({ type }) => type === "presence");
  return { environment, client, socket, room, shown, errors, offs, answer, answerJoin, deliver, asked };
}

describe("the presence of a channel", () => {
  test("is asked for once its code could be loaded, after failed tries", async () => {
    const environment = new ScriptedEnvironment();
    let failures = 2;
    const load = environment.presence;
    environment.presence = async () => {
      if (failures-- > 0) throw new TypeError("Failed to fetch dynamically imported module");
      return load();
    };
    const { client, socket } = await environment.connected({}, { room: live });
    const room = client.channel("room");
    room.on("presence", () => {});
    await environment.move(0);
    socket.deliver({ type: "subscribed", channel: "room", ...live, ref: socket.refOf("subscribe") });
    await environment.move(0);
    expect(failures).toBe(1);
    expect(socket.commands.map(({ type }) => type)).not.toContain("presence");
    await environment.move(500);
    await environment.move(1000);
    expect(failures).toBe(-1);
    expect(socket.commands.filter(({ type }) => type === "presence")).toHaveLength(1);
  });

  test("is asked for once it is subscribed, and kept current by the events", async () => {
    const { shown, answer, deliver, asked } = await begin();
    expect(asked()).toEqual([{ type: "presence", channel: "room" }]);
    await answer(2, ["alice", "bob"]);
    await deliver(event("joined", 3, "carol", { info: { name: "C" } }));
    await deliver(event("left", 4, "alice", { count: 2 }));
    expect(shown).toEqual(["2: alice bob", "3: alice bob carol", "2: bob carol"]);
    expect(asked()).toHaveLength(1);
  });

  test("includes the events that arrived before the answer, unless the answer includes them", async () => {
    const { shown, answer, deliver, asked } = await begin();
    await deliver(event("joined", 1, "alice"), event("joined", 2, "bob"), event("left", 3, "alice", { count: 1 }));
    await answer(2, ["alice", "bob"]);
    expect(shown).toEqual(["1: bob"]);
    await deliver(event("left", 3, "alice"));
    expect(shown).toHaveLength(1);
    expect(asked()).toHaveLength(1);
  });

  test("that changes many times in one turn is shown once", async () => {
    const { shown, answer, deliver } = await begin();
    await answer(0, []);
    await deliver(event("joined", 1, "a"), event("joined", 2, "b"), event("joined", 3, "c"));
    expect(shown).toEqual(["0: ", "3: a b c"]);
  });

  test.each([
    ["a missing event", event("joined", 5, "dave")],
    ["another epoch", event("joined", 3, "dave", { epoch: "e2" })],
    ["a reset", reset],
  ])("is asked for again after %s", async (_, frame) => {
    const { shown, answer, deliver, asked } = await begin();
    await answer(2, ["alice", "bob"]);
    await deliver(frame);
    expect(asked()).toHaveLength(2);
    await answer(7, ["erin"], { epoch: "e3" });
    expect(shown).toEqual(["2: alice bob", "1: erin"]);
  });

  test("is read page by page, with the events after the first page", async () => {
    const { shown, answer, deliver, asked } = await begin();
    await answer(2, ["a", "b"], { count: 4, next: "b/c_b" });
    expect(asked().at(-1)).toMatchObject({ page: "b/c_b" });
    expect(shown).toEqual([]);
    // Bob is on the first page, from before. Carol is on the second one, from after.
    await deliver(event("left", 3, "b", { count: 3 }), event("joined", 4, "c", { count: 4 }));
    await answer(4, ["c", "d"], { count: 4 });
    expect(shown).toEqual(["4: a d c"]);
  });

  test("that is asked for again while a page is on its way does not use that page", async () => {
    const { shown, socket, answer, deliver, asked } = await begin();
    const { ref } = socket.sent.findLast(({ command }) => command.type === "presence") ?? {};
    await deliver(reset);
    expect(asked()).toHaveLength(2);
    await deliver({
      type: "presence",
      channel: "room",
      count: 1,
      members: [member("old")],
      epoch: "e1",
      position: 1,
      ref,
    });
    expect(shown).toEqual([]);
    await answer(2, ["alice"]);
    expect(shown).toEqual(["1: alice"]);
  });

  test("is read from the start if the pages have different epochs", async () => {
    const { shown, answer, asked } = await begin();
    await answer(2, ["a"], { next: "a/c_a" });
    await answer(1, ["b"], { epoch: "e2" });
    expect(asked().at(-1)).toEqual({ type: "presence", channel: "room" });
    await answer(1, ["b"], { epoch: "e2" });
    expect(shown).toEqual(["1: b"]);
  });

  test("is asked for again on each new connection", async () => {
    const { environment, client, socket, shown, answer, asked } = await begin();
    await answer(1, ["alice"]);
    socket.end(1006);
    const second = await environment.untilNextTry(client);
    second.welcome({ room: live });
    await settle();
    expect(asked(second)).toHaveLength(1);
    await answer(9, ["bob"], {}, second);
    expect(shown).toEqual(["1: alice", "1: bob"]);
  });

  test("may be a number only, and may never change in a channel without presence events", async () => {
    const { shown, answer } = await begin();
    await answer(0, [], { count: 7, members: undefined, users: undefined, epoch: undefined, position: undefined });
    expect(shown).toEqual(["7: "]);
  });

  test("that the client may not know is an error of the channel", async () => {
    const { socket, errors, shown } = await begin();
    socket.deliver({ type: "error", code: "forbidden", message: "presence is off", ref: socket.refOf("presence") });
    await settle();
    expect([errors, shown]).toEqual([["forbidden"], []]);
  });

  test("is not followed without a handler, and is requested again with a new one", async () => {
    const { environment, room, shown, answer, deliver, asked, offs } = await begin();
    await answer(1, ["alice"]);
    offs[0]?.();
    await environment.move(0);
    await deliver(event("joined", 2, "bob"));
    expect(shown).toEqual(["1: alice"]);
    room.on("presence", ({ count }) => shown.push(`${count}`));
    await environment.move(0);
    expect(asked()).toHaveLength(2);
    await answer(2, ["alice", "bob"]);
    expect(shown).toEqual(["1: alice", "2"]);
  });
});
