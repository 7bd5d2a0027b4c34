import { createHmac } from "node:crypto";
import { weaknessOf } from "../../protocol/weak-secret.ts";

/** The signed text. It includes the id and the time, so that a request cannot be replayed as another one. */
export interface SignedContent {
  readonly id: string;
  /** Unix time in seconds. */
  readonly timestamp: number;
  readonly body: string;
}

/** Bytes of a secret, as Standard Webhooks requires. */
const minBytes = 24;
const maxBytes = 64;

/**
 * The secrets that sign requests to the application, in the form of Standard Webhooks (standardwebhooks.com): the headers
 * `webhook-id`, `webhook-timestamp` and `webhook-signature`. Any library for that form verifies them.
 */
export class HookSecrets {
  readonly #keys: readonly Uint8Array[];

  /**
   * @param secrets such as `whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw`
   * @throws Error that names the setting, never the secret
   */
  constructor(secrets: readonly string[]) {
    this.#keys = secrets.map(keyOf);
  }

  /** One signature for each secret. */
  headersFor(content: SignedContent): Readonly<Record<string, string>> {
    return {
      "webhook-id": content.id,
      "webhook-timestamp": String(content.timestamp),
      "webhook-signature": this.#keys.map((key) => `v1,${signature(key, content)}`).join(" "),
    };
  }
}

function signature(key: Uint8Array, { id, timestamp, body }: SignedContent): string {
  return createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64");
}

function keyOf(secret: string): Uint8Array {
  const base64 = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret)?.[1] ?? "";
  const key = Buffer.from(base64, "base64");
  const hint = 'create one with: echo "whsec_$(openssl rand -base64 32)"';
  if (key.length < minBytes || key.length > maxBytes) {
    throw new Error(`HOOK_SECRET: expected whsec_ and ${minBytes} to ${maxBytes} bytes in base64; ${hint}`);
  }
  const weakness = weaknessOf(base64) ?? weaknessOf(key.toString("latin1"));
  if (weakness !== undefined) throw new Error(`HOOK_SECRET: expected random bytes, got ${weakness}; ${hint}`);
  return key;
}
