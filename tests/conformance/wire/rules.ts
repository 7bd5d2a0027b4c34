import { commandRules } from "./commands.ts";
import { connectingRules } from "./connecting.ts";
import { deliveryRules } from "./delivery.ts";
import { livingRules } from "./living.ts";
import { refusalRules } from "./refusals.ts";
import { streamRules } from "./streams.ts";
import type { WireRule } from "./wire-server.ts";

/** The protocol as rules that can be checked against any server, in the order of docs/protocol.md. */
export const wireRules: readonly WireRule[] = [
  ...connectingRules,
  ...commandRules,
  ...refusalRules,
  ...deliveryRules,
  ...livingRules,
  ...streamRules,
];
