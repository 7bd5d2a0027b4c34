import { expect, test } from "bun:test";
import { tooLittleMemory } from "./memory-limit.ts";

const MiB = 1024 ** 2;

test.each([
  [undefined, 0, []],
  [undefined, 96, []],
  [undefined, 50, ["MAX_MEMORY (50MiB) cannot be kept, because the server may need 96MiB"]],
  [2, 700, []],
  [
    2,
    256,
    [
      "MAX_MEMORY (256MiB) cannot be kept, because the server may need 676MiB: 96MiB for each worker, and 484MiB for the supervisor with HISTORY_BYTES_TOTAL",
    ],
  ],
  ["auto" as const, 580, []],
])("with %p workers and MAX_MEMORY=%dMiB a start warns: %j", (workers, MAX_MEMORY, sentences) => {
  expect(tooLittleMemory({ maxMemory: MAX_MEMORY * MiB, workers, historyBytesTotal: 256 * MiB })).toEqual(sentences);
});
