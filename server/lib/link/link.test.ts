import { afterEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { MovedClock } from "../moved-clock.ts";
import type { FieldReader } from "./field-reader.ts";
import { encodeFrame } from "./frame.ts";
import type { Link, LinkEnd, LinkSettings } from "./link.ts";
import { makeSocketPath, removeSocketPath } from "./socket-path.ts";
import { connectLink, type LinkListener, listenForLinks } from "./sockets.ts";

const peerProgram = join(import.meta.dir, "../../../tests/ipc/peer-process.ts");
const settings: LinkSettings = { protocol: "test/1", name: "somebody" };

/** One side of a link, and the calls that it received. */
class Side {
  readonly texts: string[] = [];
  readonly opened = Promise.withResolvers<Link>();
  readonly ended = Promise.withResolvers<LinkEnd>();
  onText: (text: string, link: Link) => void = () => {};
  /** The text to record for fields; without it, fields are not expected. */
  readFields: ((fields: FieldReader) => string) | undefined;
  #waiters: (() => void)[] = [];

  readonly events = (link: Link) => {
    const { readFields } = this;
    const onText = (text: string) => {
      this.texts.push(text);
      this.onText(text, link);
      for (const wake of this.#waiters.splice(0)) wake();
    };
    return {
      onOpen: () => this.opened.resolve(link),
      onText,
      onFields: readFields && ((fields: FieldReader) => onText(readFields(fields))),
      onClose: (end: LinkEnd) => this.ended.resolve(end),
    };
  };

  async until(count: number): Promise<readonly string[]> {
    while (this.texts.length < count) await new Promise<void>((resolve) => this.#waiters.push(resolve));
    return this.texts;
  }
}

const paths: string[] = [];
const listeners: LinkListener[] = [];

afterEach(() => {
  for (const listener of listeners.splice(0)) listener.close();
  for (const path of paths.splice(0)) removeSocketPath(path);
});

function listen(side: Side, more: Partial<LinkSettings> = {}): string {
  const path = makeSocketPath("test");
  paths.push(path);
  listeners.push(listenForLinks(path, { ...settings, name: "host", ...more }, side.events));
  return path;
}

/** Both sides of an open link. */
async function open(hostMore: Partial<LinkSettings> = {}, guestMore: Partial<LinkSettings> = {}) {
  const [host, guest] = [new Side(), new Side()];
  const path = listen(host, hostMore);
  await connectLink(path, { ...settings, name: "guest", ...guestMore }, guest.events);
  const [hostLink, guestLink] = await Promise.all([host.opened.promise, guest.opened.promise]);
  return { host, guest, hostLink, guestLink, path };
}

/** Raw bytes to the path, without a link. */
function connectRaw(path: string, onBytes: (bytes: Buffer) => void = () => {}) {
  return Bun.connect({ unix: path, socket: { data: (_, bytes) => onBytes(bytes) } });
}

const greeting = encodeFrame("test/1 raw");

describe("a link", () => {
  test("carries texts both ways, intact and in order, and each side knows the other's name", async () => {
    const { host, guest, hostLink, guestLink } = await open();
    const sent = Array.from({ length: 5000 }, (_, count) => `${count} é あ 😀`);
    for (const text of sent) {
      hostLink.send(text);
      guestLink.send(text);
    }
    expect(await host.until(5000)).toEqual(sent);
    expect(await guest.until(5000)).toEqual(sent);
    expect([hostLink.peer, guestLink.peer]).toEqual(["guest", "host"]);
  });

  test("carries texts far larger than the socket buffer, between small ones", async () => {
    const { host, guestLink } = await open();
    const sent = ["small", "x".repeat(20_000_000), "é".repeat(3_000_000), "small", "あ".repeat(100_000)];
    for (const text of sent) guestLink.send(text);
    const received = await host.until(5);
    expect(received.map((text) => text.length)).toEqual(sent.map((text) => text.length));
    expect(received.every((text, at) => text === sent[at])).toBe(true);
  });

  test("sends the texts of one turn in one piece", async () => {
    const side = new Side();
    const path = listen(side);
    const chunks: Buffer[] = [];
    const socket = await connectRaw(path, (bytes) => chunks.push(bytes));
    socket.write(greeting);
    const link = await side.opened.promise;
    const before = chunks.length;
    for (let count = 0; count < 1000; count++) link.send("0123456789");
    const isAllThere = () => Buffer.concat(chunks.slice(before)).length === 14_000;
    while (!isAllThere()) await new Promise((resolve) => setImmediate(resolve));
    expect(chunks.length - before).toBe(1);
    socket.terminate();
  });

  test("encodes a frame for several links once", async () => {
    const { guest, hostLink } = await open();
    const frame = encodeFrame("for all");
    hostLink.send("1");
    hostLink.sendFrame(frame);
    hostLink.sendFrame(frame);
    hostLink.send("2");
    expect(await guest.until(4)).toEqual(["1", "for all", "for all", "2"]);
  });

  test("carries fields, in order with texts, and keeps no bytes of them", async () => {
    const [host, guest] = [new Side(), new Side()];
    let last: FieldReader | undefined;
    guest.readFields = (fields) => {
      last = fields;
      return `${fields.number()} ${fields.text()}`;
    };
    await connectLink(listen(host), settings, guest.events);
    const link = await host.opened.promise;
    link.send("1");
    const fields = link.fields();
    fields?.number(2.5);
    fields?.text("é");
    link.sendFields();
    link.send("3");
    expect(await guest.until(3)).toEqual(["1", "2.5 é", "3"]);
    expect(() => last?.number()).toThrow(RangeError);
  });

  test("is closed by fields that its owner does not expect, and takes none once it is closed", async () => {
    const { host, guest, hostLink, guestLink } = await open();
    hostLink.fields()?.number(1);
    hostLink.sendFields();
    expect((await guest.ended.promise).reason).toContain("a frame with fields, expected only texts");
    await host.ended.promise;
    expect([hostLink.fields(), guestLink.fields()]).toEqual([undefined, undefined]);
  });

  test("decodes frames that arrive byte by byte", async () => {
    const side = new Side();
    const socket = await connectRaw(listen(side));
    for (const byte of Buffer.concat([greeting, encodeFrame("one"), encodeFrame("two")])) {
      socket.write(Buffer.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await side.until(2)).toEqual(["one", "two"]);
    socket.terminate();
  });

  test("sends what is buffered before it closes, however much it is", async () => {
    const { host, guest, guestLink } = await open();
    for (let count = 0; count < 300; count++) guestLink.send("x".repeat(50_000));
    await guestLink.close();
    expect((await guest.ended.promise).reason).toBe("closed by this side");
    expect((await host.ended.promise).reason).toBe("it closed the link");
    expect(host.texts).toHaveLength(300);
    guestLink.send("too late");
    await guestLink.close();
  });
});

describe("a peer that does not read", () => {
  test("is disconnected when more than the limit is buffered for it", async () => {
    const side = new Side();
    const socket = await connectRaw(listen(side, { maxQueuedBytes: 2_000_000 }));
    socket.write(greeting);
    const link = await side.opened.promise;
    socket.pause();
    for (let count = 0; count < 40; count++) {
      link.send("x".repeat(100_000));
      await new Promise((resolve) => setImmediate(resolve));
    }
    const { reason, isRefusal } = await side.ended.promise;
    expect(reason).toMatch(/^it does not read: 2\d{6} bytes are queued, the limit is 2000000$/);
    expect([isRefusal, link.queuedBytes]).toEqual([false, 0]);
  });

  test("receives everything if it continues to read within the limit", async () => {
    const side = new Side();
    let received = 0;
    const path = listen(side);
    const done = Promise.withResolvers<void>();
    const total = 200 * 100_004;
    const socket = await connectRaw(path, (bytes) => {
      received += bytes.length;
      if (received >= total) done.resolve();
    });
    socket.write(greeting);
    const link = await side.opened.promise;
    socket.pause();
    for (let count = 0; count < 200; count++) link.send("x".repeat(100_000));
    await new Promise((resolve) => setImmediate(resolve));
    expect(link.queuedBytes).toBeGreaterThan(10_000_000);
    socket.resume();
    await done.promise;
    expect(link.queuedBytes).toBe(0);
    socket.terminate();
  });

  test("blocks senders that wait for room until it reads or disconnects", async () => {
    const side = new Side();
    const socket = await connectRaw(listen(side));
    socket.write(greeting);
    const link = await side.opened.promise;
    await link.room();
    socket.pause();
    let hasRoom = false;
    const fill = () => {
      for (let count = 0; count < 40; count++) link.send("x".repeat(100_000));
      hasRoom = false;
      return link.room().then(() => (hasRoom = true));
    };
    const first = fill();
    await new Promise((resolve) => setImmediate(resolve));
    expect(hasRoom).toBe(false);
    socket.resume();
    await first;
    socket.pause();
    const second = fill();
    socket.terminate();
    await second;
  });
});

describe("a peer that is silent", () => {
  test("is disconnected after several beats, and one that sends anything is not", async () => {
    const clock = new MovedClock();
    const side = new Side();
    const lively = new Side();
    const path = listen(side, { clock, beatMs: 1000, maxSilentBeats: 3 });
    await connectLink(path, { ...settings, clock, beatMs: 1000, maxSilentBeats: 3 }, lively.events);
    await lively.opened.promise;
    const mute = new Side();
    const mutePath = listen(mute, { clock, beatMs: 1000, maxSilentBeats: 3 });
    const socket = await connectRaw(mutePath);
    socket.write(greeting);
    await mute.opened.promise;
    let isCut = false;
    void lively.ended.promise.then(() => (isCut = true));
    for (let second = 0; second < 10; second++) {
      clock.move(1000);
      // Bytes need turns of the event loop. Moving the clock does not bring them.
      for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await mute.ended.promise).reason).toBe("no heartbeat for 3 s");
    expect(isCut).toBe(false);
    expect(lively.texts).toEqual([]);
    socket.terminate();
  });

  test("is disconnected before its greeting too", async () => {
    const clock = new MovedClock();
    const side = new Side();
    const socket = await connectRaw(listen(side, { clock }));
    await new Promise((resolve) => setImmediate(resolve));
    await clock.moveInSteps(12_000, 1000);
    expect((await side.ended.promise).reason).toBe("no heartbeat for 10 s");
    socket.terminate();
  });
});

describe("a peer that is gone", () => {
  test("is detected at once when its process is killed", async () => {
    const side = new Side();
    const path = listen(side);
    const child = Bun.spawn([process.execPath, "--no-env-file", peerProgram, path], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    await side.until(1);
    child.kill("SIGKILL");
    expect(await side.ended.promise).toEqual({ reason: "it closed the link", isRefusal: false });
    await child.exited;
  });

  test("in the middle of a frame delivers no partial text", async () => {
    const side = new Side();
    const socket = await connectRaw(listen(side));
    socket.write(Buffer.concat([greeting, encodeFrame("whole"), encodeFrame("half").subarray(0, 6)]));
    await side.until(1);
    socket.end();
    await side.ended.promise;
    expect(side.texts).toEqual(["whole"]);
  });

  test("is an error at once if nobody listens", async () => {
    const path = makeSocketPath("test");
    paths.push(path);
    await expect(connectLink(path, settings, new Side().events)).rejects.toThrow();
  });
});

describe("an incompatible peer", () => {
  test("of another version is refused, and both sides know why", async () => {
    const [host, guest] = [new Side(), new Side()];
    const path = listen(host);
    await connectLink(path, { ...settings, protocol: "test/2" }, guest.events);
    expect(await host.ended.promise).toEqual({ reason: "it uses test/2, this side uses test/1", isRefusal: true });
    expect(await guest.ended.promise).toEqual({ reason: "it uses test/1, this side uses test/2", isRefusal: true });
  });

  test.each([
    ["a text that is not a greeting", encodeFrame("hello"), "it uses another protocol, this side uses test/1", true],
    ["an empty frame", encodeFrame(""), "it uses another protocol, this side uses test/1", true],
    ["HTTP", Buffer.from("GET / HTTP/1.1\r\n\r\n"), "a frame of 1195725856 bytes, expected at most 512", false],
  ])("that sends %s is disconnected", async (_, bytes, reason, isRefusal) => {
    const side = new Side();
    const socket = await connectRaw(listen(side));
    socket.write(bytes);
    const end = await side.ended.promise;
    expect(end.reason).toContain(reason);
    expect(end.isRefusal).toBe(isRefusal);
  });
});

test("an exception in a handler closes this link with its cause, and affects no other", async () => {
  const { host, hostLink, guest, guestLink, path } = await open();
  const bug = new Error("a bug above");
  host.onText = (text, link) => {
    if (text === "bad" && link === hostLink) throw bug;
  };
  const other = new Side();
  await connectLink(path, settings, other.events);
  const otherLink = await other.opened.promise;
  guestLink.send("bad");
  guestLink.send("after it");
  const { reason, cause } = await host.ended.promise;
  expect([reason, cause]).toEqual(["its data could not be handled: a bug above", bug]);
  await guest.ended.promise;
  otherLink.send("fine");
  expect(await host.until(2)).toEqual(["bad", "fine"]);
});
