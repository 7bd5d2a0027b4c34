import { expect, test } from "bun:test";
import { changedSettings } from "./changes.ts";
import { loadSettings } from "./load.ts";

const load = (env: Record<string, string>, file = "") =>
  loadSettings({
    env,
    flags: new Map(),
    configPath: undefined,
    readText: (path) => (path === "fanfare.config.yaml" && file !== "" ? file : undefined),
  }).settings;

const before = { API_KEY: "5f3a9c1e7b2d4068", JWT_SECRET: "a secret of thirty-two bytes or more" };

test("the same settings have no changes, wherever they come from", () => {
  expect(changedSettings(load(before), load(before))).toEqual([]);
  expect(changedSettings(load(before), load(before, "message_rate: 50\n"))).toEqual([]);
});

test("changed settings are named with both values, and secrets without", () => {
  const after = {
    ...before,
    API_KEY: "d81b4e6f0a93c752",
    MESSAGE_RATE: "0",
    DRAIN_WINDOW: "2m",
    CORS_ORIGINS: "https://a.example",
  };
  const changes = changedSettings(load(before), load(after));
  expect(changes).toEqual([
    "CORS_ORIGINS - → https://a.example",
    "API_KEY (secret)",
    "DRAIN_WINDOW 10s → 2m",
    "MESSAGE_RATE 50 → 0",
  ]);
  expect(changes.join()).not.toMatch(/0123456789|fedcba/);
});

test("channel rules and schedules are named if they changed", () => {
  const rule = (publish: string) => `channels:\n  - { match: "a", publish: ${publish} }\n`;
  expect(changedSettings(load(before, rule("anyone")), load(before, rule("nobody")))).toEqual(["channels"]);
});

test("a long value is not shown", () => {
  const after = { ...before, CORS_ORIGINS: `https://${"a".repeat(60)}.example` };
  expect(changedSettings(load(before), load(after))).toEqual(["CORS_ORIGINS - → …"]);
});
