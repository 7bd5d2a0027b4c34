import { describe, expect, test } from "bun:test";
import { examineSettings } from "../config/load.ts";
import { addressOf } from "./address.ts";

function settingsOf(env: Readonly<Record<string, string>> = {}) {
  return examineSettings({ env, readText: () => undefined, flags: new Map(), configPath: undefined });
}

describe("the server's address", () => {
  test.each([
    [{}, "http://127.0.0.1:8000", "ws://127.0.0.1:8000/ws"],
    [{ PORT: "9000" }, "http://127.0.0.1:9000", "ws://127.0.0.1:9000/ws"],
    [
      { HOST: "0.0.0.0", API_KEY: "5f3a9c1e7b2d4068", ANONYMOUS: "on" },
      "http://127.0.0.1:8000",
      "ws://127.0.0.1:8000/ws",
    ],
    [{ HOST: "::" }, "http://[::1]:8000", "ws://[::1]:8000/ws"],
    [{ WS_PATH: "/live" }, "http://127.0.0.1:8000", "ws://127.0.0.1:8000/live"],
    [{ TLS_CERT: "cert.pem", TLS_KEY: "key.pem" }, "https://127.0.0.1:8000", "wss://127.0.0.1:8000/ws"],
  ])("comes from the settings %j", (env, http, ws) => {
    expect(addressOf({}, settingsOf(env))).toEqual({ http, ws });
  });

  test("comes from the flags, which win over the settings", () => {
    const address = addressOf({ host: "example.test", port: 1 }, settingsOf({ HOST: "::1", PORT: "2" }));
    expect(address).toEqual({ http: "http://example.test:1", ws: "ws://example.test:1/ws" });
  });

  test.each([
    ["http://a:1", "http://a:1", "ws://a:1/ws"],
    ["https://a/", "https://a", "wss://a/ws"],
    ["ws://a:1", "http://a:1", "ws://a:1/ws"],
    ["wss://a/ws", "https://a", "wss://a/ws"],
    ["https://a/push/", "https://a/push", "wss://a/push/ws"],
    ["wss://a/push/ws", "https://a/push", "wss://a/push/ws"],
    ["wss://a/other", "https://a/other", "wss://a/other"],
  ])("comes from --url %s, given as http or ws", (url, http, ws) => {
    expect(addressOf({ url: new URL(url) }, settingsOf())).toEqual({ http, ws });
  });
});
