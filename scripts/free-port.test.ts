import { expect, test } from "bun:test";
import { freePort, onFreePort } from "./free-port.js";

const listen = (port: number) => Bun.listen({ hostname: "127.0.0.1", port, socket: { data: () => undefined } });

test("a port is below those of outgoing connections, and so is the bus port of a Redis Cluster node", async () => {
  const ports = await Promise.all(Array.from({ length: 50 }, () => freePort()));
  for (const port of ports) {
    expect(port).toBeGreaterThanOrEqual(10_000);
    expect(port + 10_000).toBeLessThan(32_768);
    for (const listener of [listen(port), listen(port + 10_000)]) listener.stop(true);
  }
});

test("processes that ask at the same time get different ports", async () => {
  const code = `
    const { freePort } = await import(${JSON.stringify(new URL("free-port.js", import.meta.url).href)});
    console.log(JSON.stringify(await Promise.all(Array.from({ length: 300 }, freePort))));
    process.stdin.resume().on("end", () => process.exit());`;
  const children = [process.execPath, process.execPath, "node"].map((program) =>
    Bun.spawn([program, "-e", code], { stdio: ["pipe", "pipe", "inherit"] }),
  );
  const readers = children.map(({ stdout }) => stdout.getReader());
  const ports: number[] = [];
  for (const reader of readers) ports.push(...(JSON.parse(await lineOf(reader)) as number[]));
  for (const { stdin } of children) stdin.end();
  for (const child of children) expect(await child.exited).toBe(0);
  expect(ports).toHaveLength(900);
  expect(new Set(ports).size).toBe(900);
});

test("a program that finds its port taken gets another one", async () => {
  const tried: number[] = [];
  const listener = await onFreePort(async (port) => {
    tried.push(port);
    using taken = tried.length < 3 ? holder(port) : undefined;
    return listen(taken?.port ?? port);
  });
  expect(new Set(tried).size).toBe(3);
  expect(listener.port).toBe(tried.at(-1) ?? 0);
  listener.stop(true);
});

test.each([
  ["another failure is reported at once", (_: number) => "unknown setting", 1],
  ["another port that is in use is reported at once", (_: number) => "port 443 is already in use", 1],
  ["after five ports in use it gives up", (port: number) => `127.0.0.1:${port}: bind: Address already in use`, 5],
  ["the bus port counts, too", (port: number) => `port ${port + 10_000}: Address already in use`, 5],
])("%s", async (_, messageFor, attempts) => {
  let tried = 0;
  let message = "";
  const start = async (port: number) => {
    tried++;
    message = messageFor(port);
    throw new Error(message);
  };
  const failed = onFreePort(start).catch((error: Error) => error.message);
  expect([await failed, tried]).toEqual([message, attempts]);
});

function holder(port: number) {
  const listener = listen(port);
  return { port, [Symbol.dispose]: () => listener.stop(true) };
}

async function lineOf(reader: { read(): Promise<{ value?: Uint8Array | undefined; done: boolean }> }): Promise<string> {
  let text = "";
  while (!text.includes("\n")) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`it exited after printing: ${text}`);
    text += new TextDecoder().decode(value);
  }
  return text;
}
