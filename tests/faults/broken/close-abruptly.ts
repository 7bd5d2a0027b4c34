/** The real server, but it closes and exits without waiting for what is queued. */
import { Drain } from "../../../server/hub/drain.ts";

Drain.prototype.closeRest = async function (this: Drain) {
  this.closeAtOnce();
};
await import("../../../server/main.ts");
process.exit();
