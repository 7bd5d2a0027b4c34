import { afterEach, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { freePort } from "../../scripts/free-port.js";
import { ApiKeys } from "../auth/api-key.ts";
import { MemoryCluster } from "../cluster/memory/cluster.ts";
import { Peers } from "../cluster/peers.ts";
import { systemClock } from "../lib/clock.ts";
import type { AuditEntry } from "../limits/audit-trail.ts";
import { controlPath } from "../ops/control-socket.ts";
import { Metrics } from "../ops/metrics.ts";
import type { Rolls } from "../ops/rolls.ts";
import { OpsServer } from "./ops-server.ts";
import { UnusableOpsPort } from "./unusable-ops-port.ts";

const key = "5f3a9c1e7b2d4068";
const access = { host: "127.0.0.1", isSecured: true, insecure: false, corsOrigins: undefined };

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

const adminKey = "4c7e19a3d5b80f62";
/** An OpsServer whose state the test controls. */
async function world({ readMetrics = () => ({}), rolls }: { readMetrics?: () => object; rolls?: Rolls } = {}) {
  const peers = new Peers(MemoryCluster.alone(systemClock), systemClock);
  await peers.start();
  const audited: AuditEntry[] = [];
  const state = { isHealthy: true, isDraining: false, drains: 0 };
  const ops = {
    peers,
    isHealthy: () => state.isHealthy,
    isDraining: () => state.isDraining,
    drain: () => {
      state.drains++;
    },
    uptimeS: () => 4711,
    rolls,
  };
  const metrics = new Metrics(ops, () => ({ ...readMetrics(), active_connections: 1 }));
  const server = new OpsServer(
    { ops, metrics, keys: new ApiKeys([`read@${key}`, `admin@${adminKey}`], access) },
    { record: (entry) => audited.push(entry) },
  );
  const [opsPort, port] = [await freePort(), await freePort()];
  closers.push(async () => {
    await server.close();
    await peers.close();
  });
  const headers = { "X-API-Key": key };
  const ask = (path: string, init: RequestInit = {}) =>
    fetch(`http://127.0.0.1:${opsPort}${path}`, { headers, ...init });
  const control = (path: string, init: RequestInit = {}) =>
    fetch(`http://localhost${path}`, { ...init, unix: controlPath(port) });
  return { server, state, ask, control, opsPort, port, audited };
}

describe("the operations endpoints", () => {
  test("reload a server that has a supervisor, and report the last roll", async () => {
    const roll = { number: 7, phase: "moving", message: "moving 3 clients" } as const;
    const rolls = {
      reload: async () => ({ number: 7 }),
      upgrade: async () => ({ number: 8 }),
      status: async () => roll,
    };
    const { server, state, ask, control, opsPort, port } = await world({ rolls });
    await server.listen({ ...access, opsPort }, port);
    expect((await ask("/v1/reload", { method: "POST" })).status).toBe(403);
    const answer = await control("/v1/reload", { method: "POST" });
    expect([answer.status, await answer.json()]).toEqual([202, { status: "reloading", roll: 7 }]);
    expect(await (await control("/v1/drain")).json()).toMatchObject({ status: "running", roll });
    expect((await control("/v1/reload", { method: "POST", body: '{"workers":3}' })).status).toBe(422);
    state.isDraining = true;
    expect((await control("/v1/reload", { method: "POST" })).status).toBe(503);
  });

  test("refuse to reload a server without a supervisor", async () => {
    const { server, control, port } = await world();
    await server.listen({ ...access, opsPort: undefined }, port);
    const answer = await control("/v1/reload", { method: "POST" });
    expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining("WORKERS=1")]);
    expect(await (await control("/v1/drain")).json()).not.toHaveProperty("roll");
  });

  test("report the current state", async () => {
    const { server, state, ask, opsPort, port } = await world();
    await server.listen({ ...access, opsPort }, port);
    const look = async () => [(await ask("/readyz")).status, (await ask("/livez")).status];
    expect(await look()).toEqual([200, 200]);
    state.isHealthy = false;
    expect(await look()).toEqual([503, 200]);
    state.isHealthy = true;
    state.isDraining = true;
    expect(await look()).toEqual([503, 200]);
    expect(await (await ask("/health")).json()).toMatchObject({ status: "draining" });
  });

  test("require a key with the right scope on OPS_PORT, and none on the control socket", async () => {
    const { server, state, ask, control, opsPort, port } = await world();
    await server.listen({ ...access, opsPort }, port);
    expect((await ask("/metrics", { headers: {} })).status).toBe(401);
    expect((await ask("/v1/nodes")).status).toBe(200);
    expect((await ask("/v1/drain", { method: "POST" })).status).toBe(403);
    expect(state.drains).toBe(0);
    expect((await control("/v1/nodes")).status).toBe(200);
    expect((await control("/v1/drain", { method: "POST" })).status).toBe(202);
    expect(state.drains).toBe(1);
    // A key that is sent to the control socket must be one of the server's, with the required scope.
    const drainWith = async (given: string) =>
      (await control("/v1/drain", { method: "POST", headers: { "X-API-Key": given } })).status;
    expect([await drainWith("d81b4e6f0a93c752"), state.drains]).toEqual([401, 1]);
    expect([await drainWith(key), state.drains]).toEqual([403, 1]);
    expect([await drainWith(adminKey), state.drains]).toEqual([202, 2]);
    expect((await control("/v1/nodes", { headers: { "X-API-Key": adminKey } })).status).toBe(403);
  });

  test("are in the audit trail, on OPS_PORT and on the control socket", async () => {
    const { server, ask, control, opsPort, port, audited } = await world();
    await server.listen({ ...access, opsPort }, port);
    await ask("/v1/drain", { method: "POST" });
    await ask("/metrics", { headers: { "X-API-Key": "a-wrong-key-0123456789" } });
    await ask("/metrics");
    await ask("/livez");
    await control("/v1/drain", { method: "POST" });
    await control("/v1/drain", { method: "POST", headers: { "X-API-Key": key } });
    await control("/v1/drain", { method: "POST", headers: { "X-API-Key": adminKey } });
    await control("/v1/upgrade", { method: "POST", headers: { "X-API-Key": "a-wrong-key-0123456789" } });
    expect(audited.map((it) => ({ ...it, from: it.from.replace(/:\d+$/, "") }))).toEqual([
      { action: "POST /v1/drain", who: "key 1", from: "127.0.0.1", result: "403" },
      { action: "GET /metrics", who: "unknown", from: "127.0.0.1", result: "401" },
      { action: "POST /v1/drain", who: "the server's own user", from: "the control socket", result: "ok" },
      { action: "POST /v1/drain", who: "key 1", from: "the control socket", result: "403" },
      { action: "POST /v1/drain", who: "key 2", from: "the control socket", result: "ok" },
      { action: "POST /v1/upgrade", who: "unknown", from: "the control socket", result: "401" },
    ]);
  });

  test("reject a large body", async () => {
    const { server, state, control, port } = await world();
    await server.listen({ ...access, opsPort: undefined }, port);
    const answer = await control("/v1/drain", { method: "POST", body: "x".repeat(1024 * 1024) });
    expect([answer.status, state.drains]).toEqual([413, 0]);
    const refused = await control("/v1/drain", { method: "POST", body: '{"grace_s":60}' });
    expect([refused.status, ((await refused.json()) as { field: string }).field]).toEqual([422, "grace_s"]);
    expect((await control("/v1/drain", { method: "POST", body: "now" })).status).toBe(400);
    expect(state.drains).toBe(0);
    expect((await control("/v1/drain", { method: "POST", body: "{}" })).status).toBe(202);
    expect(state.drains).toBe(1);
    // A key that is sent to the control socket must be one of the server's, with the required scope.
    const drainWith = async (given: string) =>
      (await control("/v1/drain", { method: "POST", headers: { "X-API-Key": given } })).status;
    expect([await drainWith("d81b4e6f0a93c752"), state.drains]).toEqual([401, 1]);
    expect([await drainWith(key), state.drains]).toEqual([403, 1]);
    expect([await drainWith(adminKey), state.drains]).toEqual([202, 2]);
    expect((await control("/v1/nodes", { headers: { "X-API-Key": adminKey } })).status).toBe(403);
  });
});

describe("opening and closing", () => {
  test("without OPS_PORT there is only the control socket", async () => {
    const { server, ask, control, port } = await world();
    await server.listen({ ...access, opsPort: undefined }, port);
    expect((await control("/livez")).status).toBe(200);
    await expect(ask("/livez")).rejects.toThrow();
  });

  test("a busy OPS_PORT is named, and nothing is left open", async () => {
    const { server, control, opsPort, port } = await world();
    const busy = Bun.serve({ port: opsPort, hostname: "127.0.0.1", fetch: () => new Response() });
    const opening = server.listen({ ...access, opsPort }, port);
    await expect(opening).rejects.toThrow(UnusableOpsPort);
    await expect(opening).rejects.toThrow(`OPS_PORT: port ${opsPort} on 127.0.0.1 is already in use`);
    await expect(control("/livez")).rejects.toThrow();
    await busy.stop(true);
  });

  test("a request in flight is answered before closing, and no file is left behind", async () => {
    const asked = Promise.withResolvers<void>();
    const { server, control, port } = await world({
      readMetrics: () => {
        asked.resolve();
        return {};
      },
    });
    await server.listen({ ...access, opsPort: undefined }, port);
    const answer = control("/metrics");
    await asked.promise;
    await server.close();
    await server.close();
    expect((await answer).status).toBe(200);
    expect(existsSync(controlPath(port))).toBe(false);
  });

  test("a request that never ends does not block closing", async () => {
    const { server, opsPort, port } = await world();
    await server.listen({ ...access, opsPort }, port);
    const closed = Promise.withResolvers<void>();
    const socket = await Bun.connect({
      hostname: "127.0.0.1",
      port: opsPort,
      socket: { data: () => undefined, close: () => closed.resolve() },
    });
    // Its body never ends.
    socket.write("POST /v1/drain HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n");
    await server.close();
    await closed.promise;
    expect(socket.readyState).toBeLessThanOrEqual(0);
  });
});
