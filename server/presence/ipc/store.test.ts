import { presenceConformance } from "../../../tests/conformance/presence.ts";
import { SocketProxy } from "../../../tests/ipc/socket-proxy.ts";
import { systemClock } from "../../lib/clock.ts";
import { makeSocketPath, removeSocketPath } from "../../lib/link/socket-path.ts";
import type { PresenceStore } from "../presence-store.ts";
import { PresenceHost } from "./host.ts";
import { IpcPresence } from "./store.ts";

presenceConformance({
  name: "the presences of one machine's workers",
  workers: "many",
  make: async () => {
    const path = makeSocketPath("fanfare-test");
    const startHost = () => {
      const it = new PresenceHost(path, systemClock);
      it.start();
      return it;
    };
    let host = startHost();
    const proxies = new Map<PresenceStore, SocketProxy>();
    return {
      make: () => {
        const proxy = new SocketProxy(path);
        const store = new IpcPresence({ path: proxy.path, name: "worker" });
        proxies.set(store, proxy);
        return store;
      },
      kill: async (store) => proxies.get(store)?.close(),
      cut: async () => {
        for (const proxy of proxies.values()) proxy.cut();
      },
      lose: async () => {
        await host.close();
        host = startHost();
      },
      close: async () => {
        for (const [store, proxy] of proxies) {
          await store.close();
          proxy.close();
        }
        await host.close();
        removeSocketPath(path);
      },
    };
  },
});
