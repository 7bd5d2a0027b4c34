import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startServer } from "../server.ts";
import { SocketUnderTest } from "../socket.ts";
import { offsetsOf, publish, type SettingsGroup } from "./setting.ts";

const directory = mkdtempSync(join(tmpdir(), "fanfare-settings-"));

/** How much history is kept, and where. */
export const storageGroup: SettingsGroup = {
  name: "history",
  base: { HISTORY_BYTES: "2MiB" },
  prepare: async (stack) => {
    stack.defer(() => rmSync(directory, { recursive: true, force: true }));
    return {};
  },
  settings: {
    workers: {
      value: "1",
      observe: async (it) => {
        const { nodes } = (await (await it.request("GET", "/v1/nodes")).json()) as {
          readonly nodes: readonly unknown[];
        };
        return nodes.length;
      },
      expected: 2,
    },
    historyBytes: {
      value: "64KiB",
      observe: async (it) => {
        for (let n = 1; n <= 10; n++) await publish(it, { channel: "bytes", message: "x".repeat(10_000) });
        return (await offsetsOf(it, "bytes")).length < 10;
      },
      expected: true,
    },
    historyBytesTotal: {
      value: "2MiB",
      observe: async (it) => {
        for (let n = 0; n < 60; n++) await publish(it, { channel: `total${n}`, message: "x".repeat(50_000) });
        return [await offsetsOf(it, "total0"), await offsetsOf(it, "total59")];
      },
      expected: [[], [1]],
    },
    idempotencyBytes: {
      value: "512KiB",
      observe: async (it) => {
        for (let sent = 0; sent < 10; sent++) {
          const batch = Array.from({ length: 1000 }, (_, n) => ({ user_id: "u", data: 1, event_id: `${sent}-${n}` }));
          const response = await it.request("POST", "/sse/push/batch", batch);
          if ((await response.text()).includes("the memory for ids is full")) return "full";
        }
        return "accepted";
      },
      expected: "full",
    },
    shutdownTimeout: {
      value: "1s",
      observe: async (it) => {
        using client = await SocketUnderTest.open(it.wsUrl);
        it.signal("SIGTERM");
        return [(await client.untilClosed()).code, await it.exited];
      },
      expected: [1012, 0],
      hasNoControl: "the default of half an hour takes too long",
    },
    // After the server has exited: another one finds its history.
    dataDir: {
      value: directory,
      observe: async () => {
        await using next = await startServer({ env: { DATA_DIR: directory } });
        return await offsetsOf(next, "total59");
      },
      expected: [1],
      hasNoControl: "another server would have no history",
    },
  },
};
