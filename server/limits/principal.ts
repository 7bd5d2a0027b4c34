/**
 * The subject of limits: a user, a key of the HTTP API, or an address. Unique as text: `user:alice`, `key:1`,
 * `address:203.0.113.7`.
 */
export interface Principal {
  readonly kind: "user" | "key" | "address";
  readonly text: string;
}

export function userPrincipal(userId: string): Principal {
  return { kind: "user", text: `user:${userId}` };
}

/** Identifies a client, such as a session. */
export interface ClientOrigin {
  readonly userId: string | undefined;
  readonly origin: { readonly ip: string };
}

/** The client that publishes, as in `Draft.publisher`: its user or, if it has none, its address. */
export function publisherOf(client: ClientOrigin): string {
  const { userId } = client;
  return userId === undefined ? addressPrincipal(client.origin.ip).text : userPrincipal(userId).text;
}

/** @param number the key's place in `API_KEY`, from 1: a name that reveals nothing about the key */
export function keyPrincipal(number: number): Principal {
  return { kind: "key", text: `key:${number}` };
}

/** @param network an IPv4 address, or the /64 network of an IPv6 address */
export function addressPrincipal(network: string): Principal {
  return { kind: "address", text: `address:${network}` };
}
