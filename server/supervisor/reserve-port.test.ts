import { expect, test } from "bun:test";
import { testIf } from "../../tests/test-if.ts";
import { reservePort } from "./reserve-port.ts";

const host = "127.0.0.1";
const onLinux = process.platform === "linux";

function settings(port: number) {
  return {
    host,
    port,
    tlsCert: undefined,
    tlsKey: undefined,
    isSecured: false,
    insecure: false,
    corsOrigins: undefined,
  };
}

function listen(port: number, reusePort: boolean) {
  return Bun.serve({ hostname: host, port, reusePort, fetch: () => new Response("worker") });
}

test("port 0 becomes a free port", async () => {
  const { port, release } = reservePort(settings(0));
  expect(port).toBeGreaterThan(0);
  release();
  const server = listen(port, false);
  expect(server.port).toBe(port);
  await server.stop(true);
});

test("a port that another process has is in use, even if both allow sharing", async () => {
  const server = listen(0, true);
  expect(() => reservePort(settings(server.port ?? 0))).toThrow(expect.objectContaining({ code: "EADDRINUSE" }));
  await server.stop(true);
});

testIf(onLinux, "workers share a port on Linux only")(
  "a reserved port is open to the workers, but not to another server",
  async () => {
    const { port, release } = reservePort(settings(0));
    expect(() => reservePort(settings(port))).toThrow(expect.objectContaining({ code: "EADDRINUSE" }));
    const worker = listen(port, true);
    release();
    release();
    const answers = await Promise.all(
      Array.from({ length: 10 }, async () => (await fetch(`http://${host}:${port}`)).text()),
    );
    expect(new Set(answers)).toEqual(new Set(["worker"]));
    await worker.stop(true);
  },
);
