import { addressText, packAddress, withoutPort } from "../lib/packed-address.ts";

/** Where a session comes from. */
export interface SessionOrigin extends Addresses {
  /** Public name of the connection, `c_…`. */
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly connectedAt: number;
  /** The connection that the client had before, as its resume key proves. */
  readonly formerId?: string;
  /** Whether the client says that it was here before. */
  readonly resumes?: boolean;
}

/** Where its client is. */
export interface Addresses {
  /** The address that per-address limits count. */
  readonly ip: string;
  /** Address and port of the client, for logs: `127.0.0.1:52341`. */
  readonly remote: string;
}

/** One number if the client has an IPv4 address, which `remote` has with its port or alone. */
export type PackedAddresses = number | Addresses;

export function packAddresses({ ip, remote }: Addresses): PackedAddresses {
  const packed = packAddress(remote);
  return typeof packed === "number" && addressText(withoutPort(packed)) === ip ? packed : { ip, remote };
}

export function unpackAddresses(packed: PackedAddresses): Addresses {
  if (typeof packed === "object") return packed;
  return { ip: addressText(withoutPort(packed)), remote: addressText(packed) };
}
