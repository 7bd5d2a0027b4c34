import { findControlSocket } from "../ops/control-socket.ts";
import type { Address, AddressFlags } from "./address.ts";

const ownNames = /^(localhost|127\.0\.0\.1|\[::1\])$/;

/** What a person said of where to ask, and with which key. */
type Asked = AddressFlags & { readonly apiKey?: string };

/**
 * The control socket of a server of this user on this machine, if the address is that of one. It asks for no key, and stays
 * open while the server drains.
 *
 * Only for an address that comes from the settings or from `--port`. A person who names a host, a URL or a key wants to know
 * whether that host, that URL and that key work: the control socket would answer whatever they are.
 */
export function controlOf({ http }: Address, { host, url: given, apiKey }: Asked): string | undefined {
  if (host !== undefined || given !== undefined || apiKey !== undefined) return undefined;
  const url = URL.parse(http);
  // Behind a path or without a port of its own there is a proxy.
  if (url === null || url.port === "" || url.pathname !== "/" || !ownNames.test(url.hostname)) return undefined;
  return findControlSocket(Number(url.port));
}
