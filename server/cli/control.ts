import { findControlSocket } from "../ops/control-socket.ts";
import type { Address } from "./address.ts";

const ownNames = /^(localhost|127\.0\.0\.1|\[::1\])$/;

/**
 * The control socket of a server of this user on this machine, if the address is that of one. It asks for no key, and stays
 * open while the server drains.
 */
export function controlOf({ http }: Address): string | undefined {
  const url = URL.parse(http);
  // Behind a path or without a port of its own there is a proxy.
  if (url === null || url.port === "" || url.pathname !== "/" || !ownNames.test(url.hostname)) return undefined;
  return findControlSocket(Number(url.port));
}
