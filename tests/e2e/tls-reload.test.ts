import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { testIf } from "../test-if.ts";
import { eventually } from "../waiting.ts";
import { type ServerUnderTest, startServer } from "./server.ts";
import { SocketUnderTest } from "./socket.ts";

const folder = mkdtempSync(join(tmpdir(), "fanfare-tls-reload-"));
const at = (name: string) => join(folder, name);
const [cert, key] = [at("cert.pem"), at("key.pem")];

/** Runs openssl. */
function openssl(...args: readonly string[]): void {
  const { exitCode, stderr } = Bun.spawnSync([process.env.FANFARE_OPENSSL ?? "openssl", ...args]);
  if (exitCode !== 0) throw new Error(`openssl: ${stderr}`);
}

const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

const names = ["-addext", "subjectAltName=IP:127.0.0.1"];

/** A self-signed certificate with this name: `<name>.crt` and `<name>.key`. */
function make(name: string): void {
  const files = ["-keyout", at(`${name}.key`), "-out", at(`${name}.crt`)];
  openssl("req", "-x509", ...curve, ...files, "-days", "2", "-subj", `/CN=${name}`, ...names);
}

/** Puts a certificate into place. */
function install(certificate: string, itsKey = certificate): void {
  copyFileSync(at(`${certificate}.crt`), cert);
  copyFileSync(at(`${itsKey}.key`), key);
}

type TlsConnect = Parameters<typeof connect>[0] & object;

/** The name in the server's certificate, or the code of the error. With a request, because a refusal may follow the handshake. */
function handshake({ port }: { readonly port: number }, options: TlsConnect = {}): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false, ...options }, () => {
    const name = String(socket.getPeerCertificate().subject.CN);
    let answer = "";
    socket.on("data", (bytes) => (answer += bytes));
    socket.on("close", () => resolve(answer.startsWith("HTTP/1.1 200") ? name : "closed"));
    socket.write("GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  });
  socket.on("error", (error) => resolve("code" in error ? String(error.code) : error.message));
  return promise;
}

/** The certificates that new connections get; with several workers, enough connections to reach each. */
const served = async (server: ServerUnderTest, count: number) =>
  new Set(await Promise.all(Array.from({ length: count }, () => handshake(server))));

beforeAll(() => {
  for (const name of ["first", "second", "authority", "stranger"]) make(name);
  openssl("req", ...curve, "-keyout", at("client.key"), "-out", at("client.csr"), "-subj", "/CN=client");
  const signing = ["-CA", at("authority.crt"), "-CAkey", at("authority.key"), "-CAcreateserial", "-days", "2"];
  openssl("x509", "-req", "-in", at("client.csr"), ...signing, "-out", at("client.crt"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.each([
  ["three workers", { WORKERS: "3" }, 24, true],
  // Seconds of waiting. A listener without workers is replaced below too.
  ["one process", {}, 1, process.env.FANFARE_LONG === "1"],
] as const)("a certificate that is replaced on disk, with %s,", (_, workers, connections, isRun) => {
  testIf(isRun, "it takes seconds: npm run test:long")(
    "is used for new connections, while open ones stay; a pair that does not fit changes nothing",
    async () => {
      install("first");
      await using server = await startServer({ env: { TLS_CERT: cert, TLS_KEY: key, ...workers } });
      expect(await served(server, connections)).toEqual(new Set(["first"]));
      using socket = await SocketUnderTest.open(server.wsUrl, { tls: { ca: await Bun.file(at("first.crt")).text() } });
      writeFileSync(cert, await Bun.file(at("second.crt")).text());
      await server.untilLogged(/The new certificate cannot be used: TLS_KEY: not the key of the certificate/);
      expect(await served(server, connections)).toEqual(new Set(["first"]));
      install("second");
      await eventually(async () => expect(await served(server, connections)).toEqual(new Set(["second"])));
      socket.send("still here");
      await socket.until(({ message }) => message === "still here");
      expect(socket.closed).toBeUndefined();
    },
  );
});

test("SIGHUP makes a server without workers read its certificate at once, and it can still be drained", async () => {
  install("first");
  await using server = await startServer({ env: { TLS_CERT: cert, TLS_KEY: key } });
  using socket = await SocketUnderTest.open(server.wsUrl, { tls: { ca: await Bun.file(at("first.crt")).text() } });
  install("second");
  server.signal("SIGHUP");
  await server.untilLogged(/New connections get the new certificate, which is valid until/);
  expect(await handshake(server)).toBe("second");
  // The drain also waits for the connections of the replaced listener.
  server.signal("SIGTERM");
  await socket.until(({ event }) => event === "draining");
  socket.close();
  expect(await server.exited).toBe(0);
});

test("only clients with a certificate of the authority connect, with TLS 1.3, and are told to use only https", async () => {
  install("first");
  await using server = await startServer({
    env: {
      TLS_CERT: cert,
      TLS_KEY: key,
      TLS_CLIENT_CA: at("authority.crt"),
      TLS_MIN_VERSION: "1.3",
      HSTS_MAX_AGE: "3600",
    },
  });
  const text = (name: string) => Bun.file(at(name)).text();
  const client = { cert: await text("client.crt"), key: await text("client.key") };
  const stranger = { cert: await text("stranger.crt"), key: await text("stranger.key") };
  expect(await handshake(server, client)).toBe("first");
  expect(await handshake(server)).not.toBe("first");
  expect(await handshake(server, stranger)).not.toBe("first");
  expect(await handshake(server, { ...client, maxVersion: "TLSv1.2" })).toMatch(/PROTOCOL_VERSION/);
  const tls = { ...client, rejectUnauthorized: false };
  const { headers } = await fetch(`${server.url}/livez`, { tls });
  expect(headers.get("Strict-Transport-Security")).toBe("max-age=3600");
});
