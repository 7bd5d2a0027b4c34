import { findControlSocket } from "../ops/control-socket.ts";
import type { Address, AddressFlags } from "./address.ts";

const ownNames = /^(localhost|127\.0\.0\.1|\[::1\])$/;

/** The flags that select a server and a key. */
type ControlFlags = AddressFlags & { readonly apiKey?: string };

/**
 * The control socket of the server, if the same user runs it on this machine. It requires no key, and stays open while the
 * server drains.
 *
 * Used only if the address comes from the settings or from `--port`. A user who passes a host, a URL or a key wants to know
 * whether that one works, and the control socket would answer regardless.
 */
export function controlOf({ http }: Address, { host, url: given, apiKey }: ControlFlags): string | undefined {
  if (host !== undefined || given !== undefined || apiKey !== undefined) return undefined;
  const url = URL.parse(http);
  // A path, or no port, means that a proxy is in front of the server.
  if (url === null || url.port === "" || url.pathname !== "/" || !ownNames.test(url.hostname)) return undefined;
  return findControlSocket(Number(url.port));
}
