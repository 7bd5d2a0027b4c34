import type { ServerUnderTest } from "../server.ts";
import { SocketUnderTest } from "../socket.ts";

/** Shows on a running server what one setting does. */
export interface Demonstration {
  /** The setting's value; undefined if the group starts its server with it, because it is only known then. */
  readonly value?: string;
  /** Observes the effect from outside. */
  readonly observe: (server: ServerUnderTest) => Promise<unknown>;
  readonly expected: unknown;
  /** Why `observe` is not run on a server without the setting. All others must observe something else there. */
  readonly hasNoControl?: string;
}

export type Environment = Readonly<Record<string, string>>;

/** Settings that are shown on one server, in this order. */
export interface SettingsGroup {
  readonly name: string;
  /** Settings of both servers: the one that is observed, and the one without the settings of this group. */
  readonly base: Environment;
  /** Starts what the server needs, and returns further settings and flags. `stack` is disposed after the group's tests. */
  readonly prepare?: (
    stack: AsyncDisposableStack,
  ) => Promise<{ readonly env?: Environment; readonly flags?: string[] }>;
  /** By the setting's key. */
  readonly settings: Readonly<Record<string, Demonstration>>;
}

export const apiKey = "5f2c81d09be7463aa1";
export const secret = "a secret of thirty-two bytes or more";
/** Settings of a secured server. */
export const secured: Environment = { API_KEY: apiKey, JWT_SECRET: secret };
export const asKey = { "X-API-Key": apiKey };

/** Publishes, on an open server or with the key. @returns the answer, with its status */
export async function publish(server: ServerUnderTest, body: object, headers: Record<string, string> = {}) {
  const response = await server.request("POST", "/v1/publish", body, headers);
  const answer = (await response.json()) as { readonly offset?: number; readonly duplicate?: boolean };
  return { status: response.status, ...answer };
}

/** The offsets that the history of a channel has. */
export async function offsetsOf(server: ServerUnderTest, channel: string, headers: Record<string, string> = {}) {
  const response = await server.request("GET", `/v1/channels/${channel}/history?since=earliest`, undefined, headers);
  const { messages } = (await response.json()) as { readonly messages: readonly { readonly offset: number }[] };
  return messages.map(({ offset }) => offset);
}

/** The user in the welcome of a connection, or the code with which it was closed. */
export async function userOf(server: ServerUnderTest, query: string): Promise<unknown> {
  using socket = new SocketUnderTest(`${server.wsUrl}?${query}`, { protocols: ["fanfare.v1"] });
  await socket.until(({ event }) => event === "welcome").catch(() => undefined);
  return socket.closed?.code ?? socket.welcome.user_id;
}

/** The status of a request without a body. */
export async function statusOf(server: ServerUnderTest, path: string, headers: Record<string, string> = {}) {
  const response = await server.request("GET", path, undefined, headers);
  await response.body?.cancel();
  return response.status;
}

/** The status of a WebSocket handshake. */
export function handshakeStatus(server: ServerUnderTest, path: string, headers: Record<string, string> = {}) {
  const upgrade = { Upgrade: "websocket", Connection: "Upgrade", "Sec-WebSocket-Version": "13" };
  return statusOf(server, path, { ...upgrade, "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", ...headers });
}
