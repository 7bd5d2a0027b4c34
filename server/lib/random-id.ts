/** An unguessable id: `bytes` random bytes as base64url, 4 characters per 3 bytes. */
export function randomId(bytes: number): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(bytes))).toString("base64url");
}
