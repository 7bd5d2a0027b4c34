import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

/**
 * Secrets with which a later connection continues an earlier one. A key is the connection's id and its signature, so nothing
 * has to be stored per connection.
 */
export class ResumeKeys {
  readonly #secret: Uint8Array;

  constructor(secret: Uint8Array = randomBytes(32)) {
    this.#secret = secret;
  }

  keyOf(connectionId: string): string {
    return `${connectionId}.${this.#sign(connectionId).toString("base64url")}`;
  }

  /** The connection that a key belongs to; undefined if this server did not issue the key. */
  connectionOf(key: string): string | undefined {
    const dot = key.indexOf(".");
    const connectionId = key.slice(0, dot);
    const given = Buffer.from(key.slice(dot + 1), "base64url");
    const expected = this.#sign(connectionId);
    return dot > 0 && given.length === expected.length && timingSafeEqual(given, expected) ? connectionId : undefined;
  }

  /** 144 bits: impossible to guess, and 24 characters long. */
  #sign(connectionId: string): Buffer {
    return createHmac("sha256", this.#secret).update(connectionId).digest().subarray(0, 18);
  }
}
