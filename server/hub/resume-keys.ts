import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

/**
 * The secrets by which a later connection continues an earlier one. A key is the connection's id and a signature of it, so
 * that nothing has to be kept per connection.
 */
export class ResumeKeys {
  readonly #secret: Uint8Array;

  constructor(secret: Uint8Array = randomBytes(32)) {
    this.#secret = secret;
  }

  keyOf(connectionId: string): string {
    return `${connectionId}.${this.#sign(connectionId).toString("base64url")}`;
  }

  /** The connection that a key belongs to; undefined for what is no key of this server. */
  connectionOf(key: string): string | undefined {
    const dot = key.indexOf(".");
    const connectionId = key.slice(0, dot);
    const given = Buffer.from(key.slice(dot + 1), "base64url");
    const right = this.#sign(connectionId);
    return dot > 0 && given.length === right.length && timingSafeEqual(given, right) ? connectionId : undefined;
  }

  /** 144 bits: more than can be guessed, and 24 characters. */
  #sign(connectionId: string): Buffer {
    return createHmac("sha256", this.#secret).update(connectionId).digest().subarray(0, 18);
  }
}
