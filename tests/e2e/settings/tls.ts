import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ConnectionOptions, connect } from "node:tls";
import { makeCertificate } from "../../streams/openssl.ts";
import type { ServerUnderTest } from "../server.ts";
import type { SettingsGroup } from "./setting.ts";

const folder = mkdtempSync(join(tmpdir(), "fanfare-settings-"));
const certificate = join(folder, "cert.pem");
const key = join(folder, "key.pem");
/** The client has a certificate too: the server's own, which is its own authority. */
const trusting = () => {
  const cert = readFileSync(certificate, "utf8");
  return { tls: { ca: cert, cert, key: readFileSync(key, "utf8"), checkServerIdentity: () => undefined } };
};

/** How a TLS handshake ends: "connected" or "refused". With a request, because a refusal may follow the handshake. */
function handshake({ url }: ServerUnderTest, options: ConnectionOptions): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const { hostname: host, port } = new URL(url);
  const socket = connect({ host, port: Number(port), rejectUnauthorized: false, ...options });
  socket.on("secureConnect", () => socket.write("GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"));
  socket.on("data", () => resolve("connected"));
  for (const event of ["error", "close"]) socket.on(event, () => resolve("refused"));
  return promise;
}

/** An open server with TLS, at an address of its own. */
export const tlsGroup: SettingsGroup = {
  name: "TLS",
  base: {},
  prepare: async (stack) => {
    stack.defer(() => rmSync(folder, { recursive: true, force: true }));
    await makeCertificate(folder);
    return {};
  },
  settings: {
    host: { value: "127.0.0.2", observe: async ({ url }) => new URL(url).hostname, expected: "127.0.0.2" },
    tlsCert: { value: certificate, observe: async ({ url }) => new URL(url).protocol, expected: "https:" },
    tlsKey: {
      value: key,
      observe: async ({ url }) => (await fetch(`${url}/livez`.replace("http:", "https:"), trusting())).status,
      expected: 200,
      hasNoControl: "a server without TLS answers no handshake",
    },
    tlsMinVersion: {
      value: "1.3",
      observe: async (it) => {
        const { cert, key } = trusting().tls;
        return [await handshake(it, { cert, key }), await handshake(it, { cert, key, maxVersion: "TLSv1.2" })];
      },
      expected: ["connected", "refused"],
      hasNoControl: "a server without TLS answers no handshake",
    },
    tlsClientCa: {
      value: certificate,
      observe: (it) => handshake(it, {}),
      expected: "refused",
      hasNoControl: "a server without TLS answers no handshake",
    },
    hstsMaxAge: {
      value: "1h",
      observe: async ({ url }) => (await fetch(`${url}/livez`, trusting())).headers.get("Strict-Transport-Security"),
      expected: "max-age=3600",
    },
    insecure: {
      value: "on",
      observe: async ({ url }) =>
        (await fetch(`${url}/health`, { ...trusting(), headers: { Host: "a.example" } })).status,
      expected: 200,
    },
    logLevel: {
      value: "DEBUG",
      observe: async (it) => {
        const body = JSON.stringify({ channel: "room", message: "m" });
        await fetch(`${it.url}/v1/publish`, { ...trusting(), method: "POST", body });
        return (await it.untilLogged(/\| (DEBUG) \|/))[1];
      },
      expected: "DEBUG",
      hasNoControl: "no such line appears",
    },
    // The last one, since it stops the server. By default its clients reconnect within ten seconds.
    drainWindow: {
      value: "0",
      observe: async (it) => {
        const client = new WebSocket(`${it.url.replace("http", "ws")}/ws`, trusting() as object);
        const { promise, resolve } = Promise.withResolvers<unknown>();
        client.onmessage = ({ data }) => {
          const frame = JSON.parse(String(data)) as { readonly event?: string; readonly reconnect_after_ms?: number };
          if (frame.event === "welcome") it.signal("SIGTERM");
          if (frame.event === "draining") resolve(frame.reconnect_after_ms);
        };
        return promise;
      },
      expected: 0,
      hasNoControl: "stops the server",
    },
  },
};
