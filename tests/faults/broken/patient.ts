/** The real server, but messages always wait for company, as they do with many thousand connections: no fault, only rare else. */
import { FlushWindow } from "../../../server/delivery/flush-window.ts";

Object.defineProperty(FlushWindow.prototype, "waitMs", { get: () => 20 });
await import("../../../server/main.ts");
