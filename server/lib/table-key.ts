import { createHash } from "node:crypto";

// biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII
const ascii = /^[\x00-\x7f]*$/;

/**
 * The key under which a text that a client has chosen is put into a map. The engine's hash function has no secret, and texts that
 * all collide are easy to make from certain characters beyond Latin-1 (docs/decisions/json.md): with 50,000 of them in a map,
 * each search took 0.4 ms. Such texts are replaced by their SHA-256. Different texts have different keys if each
 * contains a character that base64url does not have.
 */
export function tableKey(text: string): string {
  return ascii.test(text) ? text : createHash("sha256").update(text, "utf16le").digest("base64url");
}
