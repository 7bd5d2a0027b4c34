/**
 * An address as in `127.0.0.1:52341`, or one without a port. IPv4 is a number, which is stored in the field itself. As a text it
 * would take another 60 bytes of each idle connection (bench/fanout --rate 0). Anything else is the text.
 */
export type PackedAddress = number | string;

export function packAddress(text: string): PackedAddress {
  let value = 0;
  let part = 0;
  let parts = 1;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code >= zero && code <= nine) part = 10 * part + code - zero;
    else if (code !== dot && code !== colon) return text;
    else {
      value = 256 * value + part;
      part = 0;
      parts++;
    }
  }
  const packed = parts === 5 ? portFactor * value + part + 1 : portFactor * (256 * value + part);
  // Whatever else consists of digits, dots and colons does not come out the same.
  return addressText(packed) === text ? packed : text;
}

export function addressText(packed: PackedAddress): string {
  if (typeof packed === "string") return packed;
  const address = Math.floor(packed / portFactor);
  const port = packed % portFactor;
  const parts = [address >>> 24, (address >>> 16) & 255, (address >>> 8) & 255, address & 255].join(".");
  return port === 0 ? parts : [parts, port - 1].join(":");
}

/** The same address without its port. */
export function withoutPort(packed: number): number {
  return packed - (packed % portFactor);
}

/** Ports are counted from 1, and 0 means none. With an address of 32 bits, that makes 49 of the 53 bits of a number. */
const portFactor = 2 ** 17;
const zero = 0x30;
const nine = 0x39;
const dot = 0x2e;
const colon = 0x3a;
