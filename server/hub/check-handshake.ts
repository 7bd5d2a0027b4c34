import { ServiceError } from "../../protocol/errors.ts";
import type { Access } from "../auth/access.ts";
import type { Identity } from "../auth/identity.ts";
import { andThen } from "../lib/and-then.ts";
import type { Budgets } from "../limits/budgets.ts";
import type { MemoryGuard } from "../limits/memory-guard.ts";
import { forbiddenChannels } from "./forbidden-channels.ts";
import type { Admitted, Handshake } from "./handshake.ts";

export interface HandshakeChecks {
  readonly access: Access;
  readonly budgets: Budgets;
  readonly memory: Pick<MemoryGuard, "check"> | undefined;
  readonly maxChannels: number;
}

/**
 * Checks the request of an identified client. The server's own limits come first: a request that it refuses itself costs
 * the application nothing. Synchronous unless the application must be asked.
 * @returns the channels that it may not join
 * @throws ServiceError, synchronously or as a rejection
 */
export function checkHandshake(
  { access, budgets, memory, maxChannels }: HandshakeChecks,
  handshake: Handshake,
  identity: Identity,
): Admitted["forbidden"] | Promise<Admitted["forbidden"]> {
  const { channels, ip } = handshake;
  memory?.check();
  if (channels.length > maxChannels) {
    throw new ServiceError("too-many-channels", `channel: expected at most ${maxChannels} per connection`);
  }
  const { userId, token } = identity;
  // Connecting with channels costs as much as joining them one by one. Without channels it is not free either: others are
  // told of it, and so is the application.
  budgets.accountOf({ userId, isProven: token !== undefined, ip }).charge("joins", Math.max(1, channels.length));
  return andThen(access.checkConnect(identity, ip), () => forbiddenChannels(access, handshake, identity));
}
