/** The URL parser normalizes addresses (RFC 5952): lower case, no leading zeros, `::` for zeros, no IPv4 tail. @param address IPv6 */
export function canonicalIpv6(address: string): string | undefined {
  return URL.parse(`http://[${address}]`)?.hostname.slice(1, -1);
}

/**
 * The IPv4 address in an IPv4-mapped one (RFC 4291 §2.5.5.2), in any spelling: `::ffff:cb00:7101`, `::ffff:203.0.113.1` and
 * `0:0:0:0:0:ffff:cb00:7101` are `203.0.113.1`. Undefined for other addresses.
 */
export function mappedIpv4(address: string): string | undefined {
  const groups = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(canonicalIpv6(address) ?? "");
  if (groups === null) return undefined;
  const [high, low] = [Number.parseInt(groups[1] ?? "", 16), Number.parseInt(groups[2] ?? "", 16)];
  return [high >> 8, high & 255, low >> 8, low & 255].join(".");
}
