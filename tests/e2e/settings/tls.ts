import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeCertificate } from "../../streams/openssl.ts";
import type { SettingsGroup } from "./setting.ts";

const folder = mkdtempSync(join(tmpdir(), "fanfare-settings-"));
const certificate = join(folder, "cert.pem");
const trusting = () => ({ tls: { ca: readFileSync(certificate, "utf8"), checkServerIdentity: () => undefined } });

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
      value: join(folder, "key.pem"),
      observe: async ({ url }) => (await fetch(`${url}/livez`.replace("http:", "https:"), trusting())).status,
      expected: 200,
      hasNoControl: "a server without TLS answers no handshake",
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
