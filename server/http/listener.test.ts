import { describe, expect, test } from "bun:test";
import type { Server } from "bun";
import { Listener } from "./listener.ts";

const [first, second] = [{ key: "first" }, { key: "second" }];

/** Listeners that only say which key they answer with. `failing`: keys that cannot be used. */
function listening(sharesPort: boolean, failing: readonly unknown[] = []) {
  const opened: Server<undefined>[] = [];
  const listen = (port: number, tls: { readonly key?: unknown } | undefined) => {
    if (failing.includes(tls?.key)) throw new Error("the key cannot be used");
    const fetch = () => new Response(String(tls?.key), { headers: { Connection: "close" } });
    const server = Bun.serve({ hostname: "127.0.0.1", port, reusePort: sharesPort, fetch });
    opened.push(server);
    return server;
  };
  const listener = new Listener<undefined>(listen, { sharesPort });
  const port = listener.open(0, first);
  const answer = async () => (await fetch(`http://127.0.0.1:${port}/`)).text();
  return { listener, opened, answer, [Symbol.dispose]: () => listener.close() };
}

describe.each([true, false])("a listener that shares its port: %p", (sharesPort) => {
  test("is replaced by one with other keys, on the same port", async () => {
    using it = listening(sharesPort);
    expect(await it.answer()).toBe("first");
    it.listener.replace(second, first);
    expect([await it.answer(), it.opened.length]).toEqual(["second", 2]);
  });

  test("answers as before if the other keys cannot be used", async () => {
    using it = listening(sharesPort, ["second"]);
    expect(() => it.listener.replace(second, first)).toThrow("cannot be used");
    expect(await it.answer()).toBe("first");
  });

  test("is not opened again once it is stopped", async () => {
    using it = listening(sharesPort);
    it.listener.stop();
    it.listener.replace(second, first);
    expect(it.opened).toHaveLength(1);
    await expect(it.answer()).rejects.toThrow();
  });
});
