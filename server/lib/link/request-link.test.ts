import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { until } from "../../../tests/waiting.ts";
import { MovedClock } from "../moved-clock.ts";
import type { Link } from "./link.ts";
import { RequestLink } from "./request-link.ts";
import { makeSocketPath, removeSocketPath } from "./socket-path.ts";
import { type LinkListener, listenForLinks } from "./sockets.ts";

interface Message {
  readonly n: number;
  readonly text: string;
}

/** The other side. It sends what the test tells it to. */
class Host {
  readonly path = makeSocketPath("test");
  readonly received: Message[] = [];
  link: Link | undefined;
  #listener: LinkListener | undefined;

  start(protocol = "test/1"): void {
    this.#listener = listenForLinks(this.path, { protocol, name: "host" }, (link) => ({
      onOpen: () => {
        this.link = link;
        link.send('"hello"');
      },
      onText: (text) => this.received.push(JSON.parse(text) as Message),
      onClose: () => undefined,
    }));
  }

  answer(n: number | undefined, text: string): void {
    this.link?.send(JSON.stringify({ n, text }));
  }

  stop(): void {
    this.#listener?.close();
    this.link?.cut("stopped");
  }
}

let host: Host;
let link: RequestLink<Message, Message>;
let faults: unknown[];
const clock = new MovedClock();

beforeEach(() => {
  host = new Host();
  faults = [];
  link = new RequestLink(
    {
      path: host.path,
      protocol: "test/1",
      name: "somebody",
      beatMs: 3_600_000,
      clock,
      host: "the test host",
      makeError: (reason) => new Error(`unavailable: ${reason}`),
    },
    {
      onOpen: () => undefined,
      onMessage: (message) => {
        if (message === "hello") link.greeted();
        else if ((message as Message).text === "no") link.refuse(message as Message, new Error("it said no"));
        else link.answer(message as Message);
      },
      onFault: (cause) => faults.push(cause),
    },
  );
});

afterEach(async () => {
  await link.close();
  host.stop();
  removeSocketPath(host.path);
});

const ask = (text: string) => link.ask((n) => ({ n, text }));
const received = (count: number) => until(() => host.received.length >= count, "the host has the requests");
const isUnavailable = { message: expect.stringContaining("unavailable: ") };

describe("requests over a link", () => {
  test("get their own answers, in any order", async () => {
    host.start();
    await link.start();
    const asked = [ask("one"), ask("two"), ask("three")];
    await received(3);
    for (const { n, text } of host.received.toReversed()) host.answer(n, `${text} answered`);
    const answers = (await Promise.all(asked)).map(({ text }) => text);
    expect(answers).toEqual(["one answered", "two answered", "three answered"]);
  });

  test("are refused one by one, and late answers are ignored", async () => {
    host.start();
    await link.start();
    const [refused, answered] = [ask("one"), ask("two")];
    refused.catch(() => undefined);
    await received(2);
    const [first, second] = host.received;
    host.answer(first?.n, "no");
    host.answer(first?.n, "late");
    host.answer(second?.n, "yes");
    expect((await answered).text).toBe("yes");
    await expect(refused).rejects.toMatchObject({ message: "it said no" });
  });

  test("fail when the link breaks, and until the host has greeted on the next link", async () => {
    host.start();
    await link.start();
    const lost = ask("lost");
    lost.catch(() => undefined);
    await received(1);
    host.stop();
    await expect(lost).rejects.toMatchObject(isUnavailable);
    expect(link.isGreeted).toBe(false);
    await expect(ask("early")).rejects.toMatchObject({ message: "unavailable: the test host is not connected" });
    host.start();
    await until(() => {
      clock.move(1000);
      return link.isGreeted;
    }, "the host has greeted again");
    const again = ask("again");
    await received(2);
    host.answer(host.received.at(-1)?.n, "answered");
    expect((await again).text).toBe("answered");
    expect(faults).toEqual([]);
  });

  test("fail when this side closes", async () => {
    host.start();
    await link.start();
    const lost = ask("lost");
    lost.catch(() => undefined);
    await link.close();
    await expect(lost).rejects.toMatchObject(isUnavailable);
  });

  test("fail when a message cannot be handled, which is reported", async () => {
    host.start();
    await link.start();
    const lost = ask("lost");
    lost.catch(() => undefined);
    await received(1);
    host.link?.send("{");
    await expect(lost).rejects.toMatchObject(isUnavailable);
    expect(faults).toEqual([expect.any(SyntaxError)]);
  });
});

describe("the start of a request link", () => {
  test("fails if the host does not greet in time", async () => {
    const started = link.start();
    started.catch(() => undefined);
    clock.move(15_000);
    await expect(started).rejects.toThrow(`the test host did not answer on ${host.path} within 15 s`);
  });

  test("fails at once if the host has another version", async () => {
    host.start("test/2");
    await expect(link.start()).rejects.toThrow("it uses test/2, this side uses test/1");
  });
});
