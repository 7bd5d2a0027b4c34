import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { turn } from "../../../tests/waiting.ts";
import { MovedClock } from "../moved-clock.ts";
import type { Link, LinkSettings } from "./link.ts";
import { makeSocketPath, removeSocketPath } from "./socket-path.ts";
import { type LinkListener, listenForLinks } from "./sockets.ts";
import { SteadyLink } from "./steady-link.ts";

const settings: LinkSettings = { protocol: "test/1", name: "somebody" };

/** The side that is connected to: can be started, and loses its links. */
class Host {
  readonly path = makeSocketPath("test");
  readonly links: Link[] = [];
  readonly heard = Promise.withResolvers<string>();
  #listener: LinkListener | undefined;
  #opened = Promise.withResolvers<void>();

  start(protocol = "test/1"): void {
    this.#listener = listenForLinks(this.path, { ...settings, protocol }, (link) => ({
      onOpen: () => {
        this.links.push(link);
        this.#opened.resolve();
      },
      onText: (text) => this.heard.resolve(text),
      onClose: () => {},
    }));
  }

  /** One more link is open on this side too. */
  async linked(): Promise<void> {
    await this.#opened.promise;
    this.#opened = Promise.withResolvers();
  }

  stop(): void {
    this.#listener?.close();
    for (const link of this.links.splice(0)) link.cut("stopped");
  }
}

let host: Host;
let steady: SteadyLink | undefined;

beforeEach(() => {
  host = new Host();
});

afterEach(async () => {
  await steady?.close();
  host.stop();
  removeSocketPath(host.path);
});

/** A steady link to the host, and its story as words. */
function startSteady(clock = new MovedClock()) {
  const story: string[] = [];
  const waiters: (() => void)[] = [];
  const tell = (word: string) => {
    story.push(word);
    for (const wake of waiters.splice(0)) wake();
  };
  steady = new SteadyLink(
    { ...settings, path: host.path, clock },
    {
      onOpen: () => tell("open"),
      onText: (text) => tell(text),
      onBreak: ({ reason }) => tell(`broken: ${reason}`),
      onFailure: ({ reason, isRefusal }) => tell(isRefusal ? `refused: ${reason}` : "failed"),
    },
  );
  steady.start();
  const until = async (count: number) => {
    while (story.length < count) await new Promise<void>((resolve) => waiters.push(resolve));
    return story;
  };
  /** Lets the next attempt begin. */
  const retry = () => clock.move(1000);
  return { link: steady, story, until, retry };
}

describe("a steady link", () => {
  test("is there again after the other side was gone for a while", async () => {
    host.start();
    const { link, until, retry } = startSteady();
    await until(1);
    await host.linked();
    host.stop();
    await until(2);
    expect(link.link).toBeUndefined();
    retry();
    await until(3);
    host.start();
    retry();
    expect(await until(4)).toEqual(["open", "broken: it closed the link", "failed", "open"]);
    link.link?.send("here again");
    await link.close();
    expect(await host.heard.promise).toBe("here again");
  });

  test("goes on trying when nobody was there at first", async () => {
    const { until, retry } = startSteady();
    await until(1);
    retry();
    await until(2);
    host.start();
    retry();
    expect(await until(3)).toEqual(["failed", "failed", "open"]);
  });

  test("is over once it is refused, since another version stays another version", async () => {
    host.start("test/2");
    const clock = new MovedClock();
    const { until, story } = startSteady(clock);
    await until(1);
    await clock.moveInSteps(10_000, 500);
    expect(story).toEqual(["refused: it speaks test/2, this side test/1"]);
  });

  test("waits longer and longer while each link breaks as soon as it is open", async () => {
    host.start();
    const clock = new MovedClock();
    const { story, until } = startSteady(clock);
    for (let count = 1; count <= 8; count++) {
      await until(count * 2 - 1);
      await host.linked();
      host.links.at(-1)?.cut("again");
      await until(count * 2);
      if (count < 8) clock.move(1000);
    }
    clock.move(400); // the eighth wait is 500 ms at least, the first was 20 ms at most
    await turn();
    expect(story).toHaveLength(16);
    clock.move(600);
    expect((await until(17)).at(-1)).toBe("open");
  });

  test("does not come back after it was closed, whatever it was doing", async () => {
    const { link, until, retry, story } = startSteady();
    await until(1);
    await link.close();
    host.start();
    retry();
    await new Promise((resolve) => setImmediate(resolve));
    expect(story).toEqual(["failed"]);
  });
});
