import type { Server } from "bun";
import { forwardedFor, networkOf, type TrustedProxies } from "../lib/client-address.ts";
import type { Peer } from "../transport/handshake.ts";

/** The part of the runtime's server that knows the address of a request's socket. */
export type SocketAddresses = Pick<Server<unknown>, "requestIP">;

/** Who sends a request, behind trusted proxies. */
export class RequestPeers {
  readonly #proxies: TrustedProxies;

  constructor(proxies: TrustedProxies) {
    this.#proxies = proxies;
  }

  of(request: Request, server: SocketAddresses): Peer {
    const socket = server.requestIP(request);
    const address = this.#proxies.clientOf(socket?.address ?? "unknown", null);
    const ip = this.#proxies.clientOf(address, forwardedFor(request.headers));
    const shown = (it: string) => (it.includes(":") ? `[${it}]` : it);
    // Joined, because the engine would keep the parts of a template string until somebody reads it.
    const other = [shown(address), ":", socket?.port ?? 0].join("");
    return { ip: networkOf(ip), remote: ip === address ? other : shown(ip), socket: other };
  }
}
