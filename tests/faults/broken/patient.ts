/** The real server, but messages are always batched, as with many thousand connections. That is not a fault, only rare in tests. */
import { FlushWindow } from "../../../server/delivery/flush-window.ts";

Object.defineProperty(FlushWindow.prototype, "waitMs", { get: () => 20 });
await import("../../../server/main.ts");
