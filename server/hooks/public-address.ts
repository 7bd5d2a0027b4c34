import { BlockList, isIP } from "node:net";
import { mappedIpv4 } from "../lib/ipv6.ts";

/** Addresses that no public server has: IANA's special-purpose registries (RFC 6890), multicast and reserved ranges. */
const specialV4 = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16", // also the metadata service of cloud providers
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/4",
  "240.0.0.0/4",
];

/** The public addresses of IPv6 (RFC 4291), and the parts of them that lead to other addresses or nowhere. */
const globalV6 = "2000::/3";
const specialV6 = ["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"];

/**
 * Whether an address is on the public internet. An IPv4 address inside an IPv6 one is judged by its destination if the
 * system connects to it (`::ffff:10.0.0.1`); those of translators (`64:ff9b::/96`) and tunnels are not public.
 */
export class PublicAddresses {
  readonly #special = new BlockList();
  readonly #global = new BlockList();

  constructor() {
    for (const range of specialV4) add(this.#special, range, "ipv4");
    for (const range of specialV6) add(this.#special, range, "ipv6");
    add(this.#global, globalV6, "ipv6");
  }

  has(address: string): boolean {
    const bare = address.replace(/^\[|\]$/g, "");
    const family = isIP(bare);
    if (family === 0 || bare.includes("%")) return false; // a zone exists only for link-local addresses
    if (family === 4) return !this.#special.check(bare, "ipv4");
    const mapped = mappedIpv4(bare);
    if (mapped !== undefined) return this.has(mapped);
    return this.#global.check(bare, "ipv6") && !this.#special.check(bare, "ipv6");
  }
}

/** Whether a URL names an address that is not public, or this machine, without asking the DNS. */
export function privateAddressIn({ hostname }: URL): boolean {
  const bare = hostname.replace(/^\[|\]$/g, "");
  if (isIP(bare) !== 0) return !new PublicAddresses().has(bare);
  return /(^|\.)localhost\.?$/.test(bare);
}

function add(list: BlockList, range: string, family: "ipv4" | "ipv6"): void {
  const [address = "", bits] = range.split("/");
  list.addSubnet(address, Number(bits), family);
}
