import { afterEach, beforeEach, describe, expect } from "bun:test";
import type { Connection, Outcome } from "../../server/session/connection.ts";
import type { Encoded } from "../../server/session/wire-form.ts";
import { makePublications, makePush } from "../fakes/publication.ts";
import type { ReceivedFrame } from "../fakes/reading.ts";
import { type Declare, declareSuite, type Skip } from "./skip.ts";

/** The client's end of a real socket. */
export interface ClientEnd {
  /** Everything that arrived except the welcome, in order. */
  readonly received: readonly ReceivedFrame[];
  /** How the server closed the connection, as the transport reports it; undefined while it is open. */
  readonly ending: string | undefined;
  /** Stops reading. New data stays in the kernel's buffers until they are full. */
  pause(): void;
  resume(): void;
  /** Resolves when this is true. It is checked whenever something arrives. */
  until(isTrue: () => boolean): Promise<void>;
  /** Disappears without closing. */
  vanish(): void;
}

/** Both ends of a connection with a real socket. */
export interface TestedConnection {
  readonly connection: Connection;
  readonly other: ClientEnd;
  /** The close that the client should see when the server closes with "restarting". */
  readonly restarting: RegExp;
  /** Resolves when the transport has told the hub that the connection is over. */
  untilEnded(): Promise<void>;
  dispose(): Promise<void>;
}

export type MakeConnection = () => Promise<TestedConnection>;

/** Larger than what the kernel may accept at once. */
const block = "x".repeat(64 * 1024);
/** More than all buffers between the two ends. */
const most = 500;

/** The contract of every connection. */
export function connectionConformance(
  name: string,
  make: MakeConnection,
  options: { readonly skip?: readonly Skip[] } = {},
): void {
  describe(`${name} keeps the Connection contract`, () => {
    const world = new World(make);
    beforeEach(() => world.begin());
    afterEach(() => world.end());
    declareSuite(options.skip ?? [], (test) => {
      sending(world, test);
      stalling(world, test);
      ending(world, test);
    });
  });
}

class World {
  readonly #make: MakeConnection;
  #tested: TestedConnection | undefined;
  #offset = 0;
  drains = 0;

  constructor(make: MakeConnection) {
    this.#make = make;
  }

  get tested(): TestedConnection {
    if (this.#tested === undefined) throw new Error("no test has begun");
    return this.#tested;
  }

  async begin(): Promise<void> {
    this.#tested = await this.#make();
    this.#offset = 0;
    this.drains = 0;
    this.onDrain(() => this.drains++);
  }

  /** Calls this instead of the session. */
  onDrain(callback: () => void): void {
    const { owner } = this.tested.connection;
    if (owner === undefined) throw new Error("the connection has no session");
    owner.onDrain = callback;
  }

  async end(): Promise<void> {
    await this.#tested?.dispose();
    this.#tested = undefined;
  }

  /** The bytes of the next publications, as a flush would make them. */
  encode(messages: readonly string[]): Encoded {
    const { wireForm } = this.tested.connection;
    const from = this.#offset + 1;
    this.#offset += messages.length;
    const publications = makePublications(from, this.#offset);
    const items = publications.map(({ offset }, index) => makePush(offset, { message: messages[index] ?? "" }));
    const encoded = wireForm.encode(items);
    return wireForm.carriesCursor ? wireForm.join([encoded], `room~e1~${this.#offset}`) : encoded;
  }

  send(...messages: readonly string[]): Outcome {
    return this.tested.connection.send(this.encode(messages));
  }

  /** Sends one block per turn of the event loop until the connection returns this outcome. @returns the number of accepted writes */
  async sendUntil(wanted: Outcome): Promise<number> {
    for (let sent = 0; sent < most; sent++) {
      const outcome = this.send(block);
      if (outcome === wanted) return outcome === "refused" ? sent : sent + 1;
      await new Promise((resolve) => setImmediate(resolve));
    }
    throw new Error(`never answered ${wanted}`);
  }

  async arrived(count: number): Promise<readonly ReceivedFrame[]> {
    const { other } = this.tested;
    await other.until(() => other.received.length >= count);
    return other.received;
  }
}

function sending(world: World, test: Declare): void {
  test("everything sent arrives intact and in order, with one or several publications per write", async () => {
    expect([world.send("1"), world.send("2", "3", "4"), world.send("5")]).toEqual(["sent", "sent", "sent"]);
    expect((await world.arrived(5)).map(({ offset, message }) => [offset, message])).toEqual([
      [1, "1"],
      [2, "2"],
      [3, "3"],
      [4, "4"],
      [5, "5"],
    ]);
  });

  test("other frames keep their place between publications", async () => {
    const { connection } = world.tested;
    const { wireForm } = connection;
    const pong = wireForm.frame({ type: "pong" });
    world.send("1");
    connection.send(wireForm.carriesCursor ? wireForm.join([pong], "room~e1~1") : pong);
    world.send("2");
    expect((await world.arrived(3)).map(({ type, offset }) => offset ?? type)).toEqual([1, "pong", 2]);
  });

  test("the messages of several channels in one flush are one write", async () => {
    const { wireForm } = world.tested.connection;
    const parts = [[makePush(1)], [makePush(2), makePush(3)], [makePush(4)]].map((items) => wireForm.encode(items));
    const cursor = wireForm.carriesCursor ? "room~e1~4" : "";
    expect(world.tested.connection.send(wireForm.join(parts, cursor))).toBe("sent");
    expect((await world.arrived(4)).map(({ offset }) => offset)).toEqual([1, 2, 3, 4]);
  });

  test("any text arrives intact: line breaks, other scripts, characters that JSON must escape", async () => {
    const texts = ["a\nb\r\n\nc", 'quote " and \\', "Grüße, 你好, 👋🏽", "\u2028\u0000[", "data: {}\n\nid: 7"];
    world.send(...texts);
    expect((await world.arrived(texts.length)).map(({ message }) => message)).toEqual(texts);
  });

  test("a large publication arrives in one piece", async () => {
    const large = "ä".repeat(400_000);
    world.send(large);
    expect((await world.arrived(1))[0]?.message === large).toBe(true);
  });

  test("bytes for a client that reads nothing stay in the buffer", async () => {
    world.send("1");
    await world.arrived(1);
    expect(world.tested.connection.buffered()).toBe(0);
  });
}

function stalling(world: World, test: Declare): void {
  test("a client that stops reading fills the buffer, then writes are refused; accepted writes arrive, refused ones do not", async () => {
    const { connection, other } = world.tested;
    other.pause();
    const taken = await world.sendUntil("full");
    expect(connection.buffered()).toBeGreaterThan(0);
    const more = await world.sendUntil("refused");
    expect(world.send("refused too")).toBe("refused");
    other.resume();
    await world.arrived(taken + more);
    await other.until(() => connection.buffered() === 0);
    expect(world.send("after it")).toBe("sent");
    const received = await world.arrived(taken + more + 1);
    const offsets = received.slice(0, -1).map(({ offset }) => offset);
    expect(offsets).toEqual(Array.from({ length: taken + more }, (_, index) => index + 1));
    expect(received.at(-1)?.message).toBe("after it");
  });

  test("onDrain reports free room, never in the turn of a send, and finally the empty buffer", async () => {
    const { connection, other } = world.tested;
    const buffered: number[] = [];
    let isSending = true;
    let isCalledBack = false;
    const onDrain = () => {
      isCalledBack ||= isSending;
      buffered.push(connection.buffered());
    };
    world.onDrain(onDrain);
    for (let sent = 0; sent < 3; sent++) world.send("while it reads");
    isSending = false;
    expect(isCalledBack).toBe(false);
    other.pause();
    const taken = await world.sendUntil("full");
    buffered.length = 0;
    other.resume();
    await world.arrived(3 + taken);
    await other.until(() => buffered.at(-1) === 0);
  });

  test("the buffer can fill up repeatedly, and always empties again", async () => {
    const { connection, other } = world.tested;
    let taken = 0;
    for (let round = 0; round < 3; round++) {
      other.pause();
      taken += await world.sendUntil("full");
      const before = world.drains;
      other.resume();
      await world.arrived(taken);
      await other.until(() => world.drains > before && connection.buffered() === 0);
      expect(world.send("not full any more")).toBe("sent");
      taken++;
    }
  });
}

function ending(world: World, test: Declare): void {
  test("a close reaches the client, and the hub is told of the end in a separate turn", async () => {
    const { connection, other, restarting, untilEnded } = world.tested;
    let isEnded = false;
    const ended = untilEnded().then(() => {
      isEnded = true;
    });
    connection.close({ name: "restarting" });
    expect(isEnded).toBe(false);
    await Promise.all([ended, other.until(() => other.ending !== undefined)]);
    expect(other.ending).toMatch(restarting);
  });

  test("everything sent before the close arrives before it, also at a client that was behind", async () => {
    const { connection, other, restarting } = world.tested;
    other.pause();
    const taken = await world.sendUntil("full");
    connection.close({ name: "restarting" });
    other.resume();
    await world.arrived(taken);
    await other.until(() => other.ending !== undefined);
    expect(other.ending).toMatch(restarting);
    expect(other.received.map(({ offset }) => offset)).toEqual(Array.from({ length: taken }, (_, index) => index + 1));
  });

  test("the first close counts, and nothing is sent after it", async () => {
    const { connection, other, restarting } = world.tested;
    connection.close({ name: "restarting" });
    connection.close({ name: "replaced" });
    expect([world.send("too late"), connection.buffered()]).toEqual(["closed", 0]);
    await other.until(() => other.ending !== undefined);
    expect([other.ending?.match(restarting) === null, other.received]).toEqual([false, []]);
  });

  test("a close reason that is too long for the transport is cut, but not within a character", async () => {
    const { connection, other, restarting } = world.tested;
    connection.close({ name: "restarting", text: `a${"ä".repeat(200)}` });
    await other.until(() => other.ending !== undefined);
    expect(other.ending).toMatch(restarting);
    expect(other.ending).not.toContain("\ufffd");
  });

  test("the hub is told when a client vanishes, and sending to it afterwards is harmless", async () => {
    const { connection, other, untilEnded } = world.tested;
    const ended = untilEnded();
    other.vanish();
    world.send("into the void");
    await ended;
    expect([world.send("nobody"), connection.buffered()]).toEqual(["closed", 0]);
    connection.close({ name: "normal" });
  });

  test("the hub is told when a client vanishes with a full buffer, too", async () => {
    const { other, untilEnded } = world.tested;
    other.pause();
    await world.sendUntil("refused");
    const ended = untilEnded();
    other.vanish();
    await ended;
    expect(world.send("nobody")).toBe("closed");
  });
}
