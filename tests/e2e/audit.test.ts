import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { apiKey, jwtSecret, tokenOf } from "./healthy-users.ts";
import { ProgramUnderTest } from "./program.ts";
import { startServer } from "./server.ts";
import { SocketUnderTest } from "./socket.ts";

const admin = "77b2c0de93a14f6508";
const env = { API_KEY: `publish+read@${apiKey},admin@${admin}`, JWT_SECRET: jwtSecret };
const bearer = (credential: string) => ({ Authorization: `Bearer ${credential}` });

/** The lines of the audit trail, without the time and the port of the client. */
function trailOf(output: string): readonly string[] {
  return [...output.matchAll(/(INFO|WARNING) \| Audit: (.*)/g)].map(
    ([, level, line = ""]) => `${level} ${line.replace(/127\.0\.0\.1:\d+/, "127.0.0.1")}`,
  );
}

test("refused credentials and what operators do are one line each, with who, from where and the result", async () => {
  await using server = await startServer({ env });
  const token = await tokenOf("alice");
  const wrong = "a-wrong-key-0123456789";
  const requests: readonly (readonly [string, string, string])[] = [
    ["POST", "/v1/publish", wrong],
    ["DELETE", "/v1/users/alice/connections", apiKey],
    ["DELETE", "/v1/users/alice/connections", admin],
    ["POST", "/v1/users/mallory/block", admin],
    ["DELETE", "/v1/users/nobody/block", admin],
    ["GET", "/sse", `${token}x`],
    ["GET", "/v1/channels", apiKey],
  ];
  for (const [method, path, credential] of requests) {
    await (await server.request(method, path, undefined, bearer(credential))).body?.cancel();
  }
  const browser = new SocketUnderTest(`${server.wsUrl}?token=${token}x`, { headers: { Origin: server.url } });
  expect((await browser.untilClosed()).code).toBe(4500);
  using renewing = await SocketUnderTest.open(`${server.wsUrl}?token=${token}`);
  for (const wrongToken of [`${token}x`, "no-token-at-all"]) {
    renewing.send({ type: "auth", token: wrongToken, ref: wrongToken.slice(-8) });
    const answer = await renewing.until(({ ref }) => ref === wrongToken.slice(-8));
    expect(answer).toMatchObject({ type: "error", code: "unauthorized" });
  }
  await (await server.request("POST", "/v1/drain", undefined, bearer(admin))).body?.cancel();
  await server.untilLogged(/Audit: POST \/v1\/drain/);
  expect(trailOf(server.output)).toEqual([
    "WARNING POST /v1/publish by unknown from 127.0.0.1: 401",
    "WARNING DELETE /v1/users/alice/connections by key 1 from 127.0.0.1: 403",
    "INFO DELETE /v1/users/alice/connections by key 2 from 127.0.0.1: ok",
    "INFO POST /v1/users/mallory/block by key 2 from 127.0.0.1: ok",
    "WARNING DELETE /v1/users/nobody/block by key 2 from 127.0.0.1: 404",
    "WARNING GET /sse by unknown from 127.0.0.1: 401",
    "WARNING GET /ws by unknown from 127.0.0.1: 401",
    "WARNING auth by user alice from 127.0.0.1: 401",
    "WARNING auth by user alice from 127.0.0.1: 401",
    "INFO POST /v1/drain by key 2 from 127.0.0.1: ok",
  ]);
  for (const secret of [admin, apiKey, wrong, token]) expect(server.output).not.toContain(secret);
});

test("a preflight request to an admin path is not an act of anybody", async () => {
  await using server = await startServer({ env });
  const preflight = await server.request("OPTIONS", "/v1/drain");
  expect(preflight.status).toBe(204);
  await (await server.request("POST", "/v1/users/mallory/block", undefined, bearer(admin))).body?.cancel();
  await server.untilLogged(/Audit: POST/);
  expect(trailOf(server.output)).toEqual(["INFO POST /v1/users/mallory/block by key 2 from 127.0.0.1: ok"]);
});

test("signals, the control socket and changed settings leave a line too, without secrets", async () => {
  const folder = mkdtempSync(join(tmpdir(), "fanfare-audit-"));
  try {
    const write = (rate: number, key: string) =>
      writeFileSync(join(folder, ".env"), `MESSAGE_RATE=${rate}\nAPI_KEY=${key}\n`);
    write(20, apiKey);
    await using server = await startServer({ cwd: folder, env: { WORKERS: "1", JWT_SECRET: jwtSecret } });
    write(30, admin);
    server.signal("SIGHUP");
    await server.untilLogged(/Reload 1 is done/);
    writeFileSync(join(folder, ".env"), `PORT=eighty\nAPI_KEY=${admin}\n`);
    const reload = new ProgramUnderTest(["reload", "--port", String(server.port)], { cwd: folder });
    await reload.ended();
    await reload[Symbol.asyncDispose]();
    server.signal("SIGTERM");
    expect(await server.exited).toBe(0);
    const trail = trailOf(server.output);
    expect([trail[0], trail.at(-1)]).toEqual([
      "INFO SIGHUP (reload) by a process from this machine: ok",
      "INFO SIGTERM (shut down) by a process from this machine: ok",
    ]);
    // A reload may begin before the request for it is answered.
    expect(trail.toSorted()).toEqual([
      "INFO POST /v1/reload by the server's own user from the control socket: ok",
      "INFO SIGHUP (reload) by a process from this machine: ok",
      "INFO SIGTERM (shut down) by a process from this machine: ok",
      "INFO changed API_KEY (secret), MESSAGE_RATE 20 → 30 by reload 1 from the settings on disk: ok",
      "WARNING changed settings by reload 2 from the settings on disk: refused",
    ]);
    for (const secret of [admin, apiKey, jwtSecret]) expect(server.output).not.toContain(secret);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("a flood of wrong keys does not fill the log, and does not hide an operator's actions", async () => {
  await using server = await startServer({ env });
  const guess = () => server.request("POST", "/v1/publish", {}, bearer("a-wrong-key-0123456789"));
  for (let round = 0; round < 20; round++) {
    const answers = await Promise.all(Array.from({ length: 50 }, guess));
    expect(answers.every(({ status }) => status === 401)).toBe(true);
  }
  await (await server.request("POST", "/v1/users/mallory/block", undefined, bearer(admin))).body?.cancel();
  await server.untilLogged(/Audit: POST \/v1\/users\/mallory\/block by key 2/);
  expect(trailOf(server.output).length).toBeLessThan(900);
});
