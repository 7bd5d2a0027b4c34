import { BlockList, isIP } from "node:net";
import { canonicalIpv6, mappedIpv4 } from "./ipv6.ts";

/** Proxies whose X-Forwarded-For or Forwarded header is trusted. */
export class TrustedProxies {
  readonly #list = new BlockList();
  readonly #isEmpty: boolean;

  /**
   * @param ranges addresses or ranges such as 10.0.0.0/8
   * @throws Error that names the first invalid one
   */
  constructor(ranges: readonly string[]) {
    this.#isEmpty = ranges.length === 0;
    for (const range of ranges) this.#add(range);
  }

  /**
   * The client's address: that of the socket or, behind trusted proxies, the last one in X-Forwarded-For that is not a trusted
   * proxy. Earlier entries can be forged by the client. Addresses may have a port (`203.0.113.7:4711`,
   * `[2001:db8::1]:443`). If an entry cannot be parsed, the socket's address is used.
   */
  clientOf(socketAddress: string, forwardedFor: string | null): string {
    const socket = plainAddress(socketAddress) ?? socketAddress;
    if (this.#isEmpty || forwardedFor === null || !this.#trusts(socket)) return socket;
    for (const hop of forwardedFor.split(",").reverse()) {
      const address = plainAddress(hop.trim());
      if (address === undefined) return socket;
      if (!this.#trusts(address)) return address;
    }
    return socket;
  }

  /** Whether the client's request came over https, as a trusted proxy says in X-Forwarded-Proto or Forwarded. */
  saysHttps(socketAddress: string, headers: Pick<Headers, "get">): boolean {
    if (this.#isEmpty || !this.#trusts(plainAddress(socketAddress) ?? socketAddress)) return false;
    const usual = headers.get("X-Forwarded-Proto");
    const scheme = usual ?? parameterOf((headers.get("Forwarded") ?? "").split(",")[0] ?? "", "proto");
    // In a chain of proxies, the first one received the client's request.
    return (scheme.split(",")[0] ?? "").trim().toLowerCase() === "https";
  }

  #add(range: string): void {
    const [text = "", bits, ...rest] = range.split("/");
    const address = bits === undefined ? (plainAddress(text) ?? text) : text;
    const family = isIP(address);
    const largest = family === 4 ? 32 : 128;
    const prefix = bits === undefined ? largest : /^[0-9]{1,3}$/.test(bits) ? Number(bits) : Number.NaN;
    if (family === 0 || rest.length > 0 || !(prefix <= largest)) {
      throw new Error(`TRUSTED_PROXIES: expected addresses or ranges such as 10.0.0.0/8, got ${JSON.stringify(range)}`);
    }
    this.#list.addSubnet(address, prefix, family === 4 ? "ipv4" : "ipv6");
  }

  #trusts(address: string): boolean {
    const family = isIP(address);
    return family !== 0 && this.#list.check(address, family === 4 ? "ipv4" : "ipv6");
  }
}

/**
 * The addresses that proxies have recorded, as in X-Forwarded-For; several headers count as one list. If there is none, those
 * of `Forwarded` (RFC 7239): `for=192.0.2.60;proto=https, for="[2001:db8::1]:4711"` → `192.0.2.60,[2001:db8::1]:4711`.
 */
export function forwardedFor(headers: Pick<Headers, "get">): string | null {
  const usual = headers.get("X-Forwarded-For");
  if (usual !== null) return usual;
  const standard = headers.get("Forwarded");
  return standard === null
    ? null
    : standard
        .split(",")
        .map((it) => parameterOf(it, "for"))
        .join(",");
}

/** A parameter of one element of `Forwarded`; "" if it is missing, which is never a valid address. */
function parameterOf(element: string, name: string): string {
  for (const parameter of element.split(";")) {
    const at = parameter.indexOf("=");
    if (at < 0 || parameter.slice(0, at).trim().toLowerCase() !== name) continue;
    const value = parameter.slice(at + 1).trim();
    return value.startsWith('"') && value.endsWith('"') && value.length > 1 ? value.slice(1, -1) : value;
  }
  return "";
}

/**
 * The unit of the limit per address: an IPv4 address itself, an IPv6 address by its first 64 bits, because a single client
 * gets at least that many addresses (RFC 6177): `2001:db8:0:1::/64`. Other texts are returned unchanged.
 */
export function networkOf(address: string): string {
  const canonical = plainAddress(address);
  if (canonical === undefined || isIP(canonical) !== 6) return canonical ?? address;
  const [left = "", right] = canonical.split("::");
  const groups = groupsOf(left);
  const after = groupsOf(right ?? "");
  if (right !== undefined) while (groups.length + after.length < 8) groups.push("0");
  return `${[...groups, ...after].slice(0, 4).join(":")}::/64`;
}

function groupsOf(text: string): string[] {
  return text === "" ? [] : text.split(":");
}

/**
 * The one spelling of an address, so that a client cannot have several: without port, brackets and zone, IPv6 as in RFC 5952,
 * and IPv4-in-IPv6 as IPv4, whether it ends in `203.0.113.1` or `cb00:7101`. Undefined if it is not an address.
 */
function plainAddress(text: string): string | undefined {
  const bare = withoutZone(withoutPort(text));
  const family = isIP(bare);
  if (family === 0) return undefined;
  if (family === 4) return bare;
  return mappedIpv4(bare) ?? canonicalIpv6(bare);
}

function withoutPort(text: string): string {
  const bracketed = /^\[([^\]]{2,60})\](?::[0-9]{1,5})?$/.exec(text)?.[1];
  if (bracketed !== undefined) return bracketed;
  return /^([0-9.]{7,15}):[0-9]{1,5}$/.exec(text)?.[1] ?? text;
}

/** `fe80::1%eth0` is `fe80::1`. */
function withoutZone(address: string): string {
  const at = address.indexOf("%");
  return at < 0 ? address : address.slice(0, at);
}
