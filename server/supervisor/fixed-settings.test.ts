import { expect, test } from "bun:test";
import { loadSettings } from "../config/load.ts";
import { fixedChanges } from "./fixed-settings.ts";
import { newSettings } from "./new-settings.ts";

function load(env: Readonly<Record<string, string>>) {
  const inputs = { flags: new Map(), configPath: undefined, readText: () => undefined };
  return loadSettings({ ...inputs, env: { WORKERS: "2", ...env } }).settings;
}

test.each([
  [{ PORT: "9000" }, ["PORT"]],
  [{ HOST: "127.0.0.2", OPS_PORT: "9001" }, ["HOST", "OPS_PORT"]],
  [{ DATA_DIR: "data" }, ["DATA_DIR"]],
  [{ REDIS_URL: "redis://127.0.0.1" }, ["REDIS_URL"]],
  [{ HISTORY_BYTES_TOTAL: "1GiB" }, ["HISTORY_BYTES_TOTAL"]],
])("a reload cannot change %o", (env, names) => {
  expect(fixedChanges(load({}), load(env))).toEqual(names);
});

test("a reload cannot remove the supervisor", () => {
  expect(fixedChanges(load({}), { ...load({}), workers: undefined })).toEqual(["WORKERS"]);
});

test.each([
  { WORKERS: "3" },
  { API_KEY: "5f3a9c1e7b2d4068", ANONYMOUS: "on" },
  { DRAIN_WINDOW: "1s", LOG_LEVEL: "debug" },
  { HISTORY_SIZE: "5" },
])("a reload can change %o", (env) => {
  expect(fixedChanges(load({}), load(env))).toEqual([]);
});

test("a port that the system chose is no change", () => {
  const settings = newSettings({ ...load({ PORT: "0" }), port: 40_000 }, () => load({ PORT: "0", HISTORY_SIZE: "5" }));
  expect([settings.port, settings.historySize]).toEqual([40_000, 5]);
});
