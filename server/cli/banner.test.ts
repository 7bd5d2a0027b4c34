import { describe, expect, test } from "bun:test";
import { loadSettings } from "../config/load.ts";
import type { Settings } from "../config/settings.ts";
import { baseUrl, startupBanner } from "./banner.ts";

const key = "5f3a9c1e7b2d4068";

function settingsOf(env: Readonly<Record<string, string>>): Settings {
  return loadSettings({ env, flags: new Map(), configPath: undefined, readText: () => undefined }).settings;
}

const local = { host: "127.0.0.1", port: 8123, isTls: false };

describe("the startup banner", () => {
  test("lists the URLs, a command to try, and how to stop", () => {
    const text = startupBanner(settingsOf({ WS_PATH: "/socket" }), local);
    for (const line of [
      "  Page       http://127.0.0.1:8123/",
      "  WebSocket  ws://127.0.0.1:8123/socket",
      "  SSE        http://127.0.0.1:8123/sse",
      "  API docs   http://127.0.0.1:8123/docs",
      "  curl http://127.0.0.1:8123/v1/channels/all/messages -d 'Hello'",
      "Waiting for clients. Ctrl+C stops the server.",
    ]) {
      expect(text.split("\n")).toContain(line);
    }
    expect(text).toContain("open, reachable from this machine only");
  });

  test("of a secured server names $API_KEY instead of the key, and omits the page if it is off", () => {
    const text = startupBanner(settingsOf({ API_KEY: `publish@${key}`, ANONYMOUS: "on" }), local);
    expect(text).toContain(
      `curl http://127.0.0.1:8123/v1/channels/all/messages -H "Authorization: Bearer $API_KEY" -d`,
    );
    expect(text).not.toContain(key);
    expect(text).not.toContain("Page");
  });

  test("of a server without keys says that nobody can push", () => {
    const text = startupBanner(settingsOf({ JWT_SECRET: "a secret of more than 32 bytes, for tests" }), local);
    expect(text).toContain("Nobody can push over HTTP until API_KEY is set.");
    expect(text).not.toContain("curl");
  });

  test("of an insecure server says that it is open to everyone", () => {
    expect(startupBanner(settingsOf({ INSECURE: "on", HOST: "0.0.0.0" }), local)).toContain(
      "open to everyone who can reach it",
    );
  });
});

test.each([
  ["0.0.0.0", false, "http://127.0.0.1:80"],
  ["::", false, "http://[::1]:80"],
  ["[::]", false, "http://[::1]:80"],
  ["::1", true, "https://[::1]:80"],
  ["localhost", false, "http://localhost:80"],
  ["192.0.2.1", true, "https://192.0.2.1:80"],
])("the URL of a server on %s is one that a client can connect to", (host, isTls, url) => {
  expect(baseUrl({ host, port: 80, isTls })).toBe(url);
});
