import { BlockList, isIP } from "node:net";
import { ownText } from "./own-text.ts";

/** Proxies whose word about the client's address is believed. */
export class TrustedProxies {
  readonly #list = new BlockList();
  readonly #isEmpty: boolean;

  /**
   * @param ranges addresses or ranges such as 10.0.0.0/8
   * @throws Error that names the one that is neither
   */
  constructor(ranges: readonly string[]) {
    this.#isEmpty = ranges.length === 0;
    for (const range of ranges) this.#add(range);
  }

  /**
   * The address of the client: that of the socket, or, behind trusted proxies, the last one in X-Forwarded-For that is
   * not one of them. What stands before it was said by the client itself.
   */
  clientOf(socketAddress: string, forwardedFor: string | null): string {
    if (this.#isEmpty || forwardedFor === null || !this.#trusts(socketAddress)) return socketAddress;
    const hops = forwardedFor.split(",").map((hop) => hop.trim());
    for (const hop of hops.reverse()) {
      if (isIP(hop) === 0) return socketAddress;
      if (!this.#trusts(hop)) return ownText(hop); // it is kept as long as the connection, the header need not be
    }
    return socketAddress;
  }

  #add(range: string): void {
    const [address = "", bits] = range.split("/");
    const family = isIP(address);
    const prefix = bits === undefined ? (family === 4 ? 32 : 128) : Number(bits);
    if (family === 0 || !(prefix <= (family === 4 ? 32 : 128))) {
      throw new Error(`TRUSTED_PROXIES: expected addresses or ranges such as 10.0.0.0/8, got ${JSON.stringify(range)}`);
    }
    this.#list.addSubnet(address, prefix, family === 4 ? "ipv4" : "ipv6");
  }

  #trusts(address: string): boolean {
    const plain = address.replace(/^::ffff:(?=\d+\.)/, ""); // an IPv4 peer on a socket that listens on both
    const family = isIP(plain);
    return family !== 0 && this.#list.check(plain, family === 4 ? "ipv4" : "ipv6");
  }
}
