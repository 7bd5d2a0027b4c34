import { expect, test } from "bun:test";
import { describeSettings, settingsAsJson } from "./describe.ts";
import { examineSettings } from "./load.ts";

function lines(env: Readonly<Record<string, string>>, files: Readonly<Record<string, string>> = {}): string[] {
  const readText = (path: string) => files[path];
  return describeSettings(
    examineSettings({ env, flags: new Map([["--host", "::1"]]), configPath: undefined, readText }),
  );
}

test("each setting has a line with its value and its source", () => {
  const files = {
    ".env": "INTERVAL = 5",
    "fanfare.config.yaml": "history_size: 7\nchannels: [{match: a, history_size: 1}]",
  };
  const shown = lines({ PORT: "9000" }, files).map((line) => line.replaceAll(/ {2,}/g, "  "));
  expect(shown[0]).toBe("A server with these settings is open.");
  for (const line of [
    "HOST  ::1  --host",
    "PORT  9000  PORT in the environment",
    "NOTIFICATION_INTERVAL  5s  INTERVAL in .env",
    "HISTORY_SIZE  7  history_size in fanfare.config.yaml",
    "WS_PATH  /ws  default",
    "CHAT  on  default (open server)",
    "JWKS_URL  -  default",
    'channels  {"match":"a","historySize":1}  channels[0] (fanfare.config.yaml, line 2)',
  ]) {
    expect(shown).toContain(line);
  }
});

test("JSON has complete values, no secrets, and the problems", () => {
  const [key, long] = ["5f3a9c1e7b2d4068", `a\nb${"c".repeat(100)}`];
  const env = { API_KEY: key, NOTIFICATION_MESSAGE: long, PORT: "many" };
  const examined = examineSettings({ env, flags: new Map(), configPath: undefined, readText: () => undefined });
  const shown = settingsAsJson(examined);
  expect(JSON.stringify(shown)).not.toContain(key);
  expect(shown).toMatchObject({
    is_secured: true,
    settings: {
      API_KEY: { is_set: true, from: "API_KEY in the environment" },
      JWT_SECRET: { is_set: false, from: "default" },
      NOTIFICATION_MESSAGE: { value: long },
      JWKS_URL: { is_set: false },
      WS_PATH: { value: "/ws", from: "default" },
    },
    channels: [],
    problems: expect.arrayContaining([expect.stringContaining("PORT: expected")]),
  });
});

test("secrets are hidden, and long or broken values do not break the table", () => {
  const [key, secret] = ["5f3a9c1e7b2d4068", "a secret of more than 32 bytes, for tests"];
  const shown = lines({ API_KEY: key, JWT_SECRET: secret, NOTIFICATION_MESSAGE: `a\nb${"c".repeat(100)}` });
  expect(shown[0]).toBe("A server with these settings is secured.");
  expect(shown.join("\n")).not.toContain(key);
  expect(shown.join("\n")).not.toContain(secret);
  expect(shown.filter((line) => line.includes("(hidden)"))).toHaveLength(2);
  expect(shown.find((line) => line.startsWith("NOTIFICATION_MESSAGE"))).toMatch(/ "a\\nbc+… /);
});
