import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Shared } from "../shared.ts";
import { type ServerUnderTest, startServer } from "./server.ts";
import { SocketUnderTest } from "./socket.ts";

let folder: string;
let server: ServerUnderTest;
let cert: string;

const shared = new Shared();
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "fanfare-tls-"));
  const [key, crt] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const made = Bun.spawnSync([
    ...["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
    ...["-keyout", key, "-out", crt, "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"],
  ]);
  expect([made.exitCode, made.stderr.toString().includes("rror")]).toEqual([0, false]);
  cert = await Bun.file(crt).text();
  server = await shared.use(startServer({ env: { TLS_CERT: crt, TLS_KEY: key } }));
});
afterAll(async () => {
  await shared.close();
  rmSync(folder, { recursive: true, force: true });
});

test("with TLS_CERT and TLS_KEY the server uses https with that certificate", async () => {
  expect(server.url).toStartWith("https://");
  const tls = { ca: cert };
  const answer = await fetch(`${server.url}/v1/channels/all/messages`, { method: "POST", body: "Hello", tls });
  expect(await answer.json()).toMatchObject({ channel: "all", offset: 1 });
  await expect(fetch(`${server.url}/livez`)).rejects.toThrow(/certificate|self/i);
  await expect(fetch(`http://127.0.0.1:${server.port}/livez`)).rejects.toThrow();
});

test("and wss works too", async () => {
  expect(server.wsUrl).toStartWith("wss://");
  using socket = await SocketUnderTest.open(server.wsUrl, { tls: { ca: cert } });
  socket.send("Hi");
  expect(await socket.until((it) => it.message === "Hi")).toMatchObject({ channel: "all" });
});
