import { afterEach, describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { controlPath } from "../ops/control-socket.ts";
import { runFakeCli } from "./fake-cli.ts";
import { startFakeServer } from "./fake-server.ts";

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** A server whose reload has the number 4, and whose last roll is each of these at one check after the other. */
function startReloading(rolls: readonly object[], more: object = { status: "running", remaining: 2 }) {
  const left = [...rolls];
  const server = startFakeServer(({ method }) => {
    if (method === "POST") return Response.json({ status: "reloading", roll: 4 }, { status: 202 });
    const roll = left.shift();
    return Response.json({ ...more, ...(roll === undefined ? {} : { roll }) });
  });
  closers.push(() => server[Symbol.dispose]());
  return server;
}

const reload = (url: string, ...more: string[]) => runFakeCli(["reload", "--url", url, ...more]);

describe("fanfare reload", () => {
  test("prints each step until the clients have moved", async () => {
    const server = startReloading([
      { number: 3, phase: "done", message: "1 client(s) moved" },
      { number: 4, phase: "starting", message: "starting 2 new worker(s)" },
      { number: 4, phase: "starting", message: "starting 2 new worker(s)" },
      { number: 4, phase: "moving", message: "moving" },
      { number: 4, phase: "done", message: "2 client(s) moved" },
    ]);
    expect(await reload(server.url)).toEqual({
      code: 0,
      err: "",
      out: `${server.url} is reloading\nwaiting for the reload to begin\nstarting 2 new worker(s)\nmoving; 2 left\n2 client(s) moved\n`,
    });
  });

  test("fails with the reason if the new workers do not start", async () => {
    const server = startReloading([{ number: 4, phase: "failed", message: "PORT: a reload cannot change this" }]);
    const { code, err } = await reload(server.url);
    expect([code, err]).toEqual([1, "error: the reload failed: PORT: a reload cannot change this\n"]);
  });

  test("fails if the server shuts down meanwhile", async () => {
    const server = startReloading([{ number: 4, phase: "starting", message: "" }], { status: "draining" });
    expect(await reload(server.url)).toMatchObject({ code: 1, err: expect.stringContaining("shutting down") });
  });

  test.each([
    ["succeeds", { phase: "done", message: "2 client(s) moved" }, 0, "2 client(s) moved\n", ""],
    ["fails", { phase: "failed", message: "a worker ended" }, 1, "", "error: the reload failed: a worker ended\n"],
  ])("%s as the roll did, even if another one has begun since", async (_, previous, code, out, err) => {
    const next = { number: 5, phase: "starting", message: "starting 2 new worker(s)" };
    const server = startReloading([{ ...next, previous: { number: 4, ...previous } }]);
    const result = await reload(server.url);
    expect([result.code, result.out.replace(`${server.url} is reloading\n`, ""), result.err]).toEqual([code, out, err]);
  });

  test("fails if it is not known how the roll ended", async () => {
    const server = startReloading([{ number: 6, phase: "done", message: "", previous: { number: 5 } }]);
    expect(await reload(server.url)).toMatchObject({ code: 1, err: expect.stringContaining("the log of the server") });
  });

  test("with --no-wait returns at once", async () => {
    const server = startReloading([]);
    expect(await reload(server.url, "--no-wait")).toMatchObject({ code: 0, out: `${server.url} is reloading\n` });
    expect(server.requests.map(({ method, path }) => [method, path])).toEqual([["POST", "/v1/reload"]]);
  });

  test("prints why the server refuses", async () => {
    const server = startFakeServer(() => Response.json({ detail: "start it with WORKERS" }, { status: 400 }));
    closers.push(() => server[Symbol.dispose]());
    expect(await reload(server.url)).toMatchObject({ code: 1, err: "error: start it with WORKERS (400)\n" });
  });
});

test("fanfare upgrade waits while the supervisor is replaced, and closes its control socket", async () => {
  const steps: string[] = [];
  // The workers' port, where the API is not reached.
  const port = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { open: (it) => it.terminate(), data() {} } });
  const unix = controlPath(port.port);
  rmSync(unix, { force: true });
  const serve = (roll: object) =>
    Bun.serve({
      unix,
      fetch: ({ method }) =>
        method === "POST"
          ? Response.json({ status: "upgrading", roll: 4 }, { status: 202 })
          : Response.json({ status: "running", remaining: 0, roll }),
    });
  let control: ReturnType<typeof serve> | undefined = serve({ number: 4, phase: "starting", message: "starting" });
  const sleep = async () => {
    steps.push(control === undefined ? "open again" : "closed");
    if (control === undefined) control = serve({ number: 4, phase: "done", message: "2 client(s) moved" });
    else {
      await control.stop(true);
      control = undefined;
      rmSync(unix, { force: true });
    }
  };
  const { code, out, err } = await runFakeCli(["upgrade", "--port", String(port.port)], { sleep });
  await control?.stop(true);
  rmSync(unix, { force: true });
  port.stop(true);
  expect({ code, err, steps }).toEqual({ code: 0, err: "", steps: ["closed", "open again"] });
  expect(out.split("\n").slice(1)).toEqual(["starting", "the supervisor is being replaced", "2 client(s) moved", ""]);
});
