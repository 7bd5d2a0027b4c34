import { expect, spyOn, test } from "bun:test";
import { loadSettings } from "../config/load.ts";
import { MovedClock } from "../lib/moved-clock.ts";
import { composeMemory } from "./compose-memory.ts";

test.each([
  ["a worker", "its part of it", true, 200, 300],
  ["a single process", "all of it", false, 1000, 1100],
])("MAX_MEMORY: %s takes %s", (_, __, isSupervised, acceptedMib, refusedMib) => {
  const options = { maxMemory: "1gib", workers: 4, historyBytesTotal: "16mib" };
  const { settings } = loadSettings({
    env: {},
    flags: new Map(),
    configPath: undefined,
    readText: () => undefined,
    options,
  });
  const clock = new MovedClock();
  const guard = composeMemory(settings, { clock, isSupervised });
  using rss = spyOn(process.memoryUsage, "rss");
  rss.mockReturnValue(acceptedMib * 1024 ** 2);
  guard.check();
  clock.move(1000);
  rss.mockReturnValue(refusedMib * 1024 ** 2);
  expect(() => guard.check()).toThrow("MAX_MEMORY");
});
