import type { Client, ConnectionState } from "../../client/index.ts";
import { closeTable } from "../../protocol/close-codes.ts";
import type { Address } from "./address.ts";
import { askServer, unreachable } from "./ask-server.ts";
import { CommandError } from "./context.ts";
import { printable } from "./printable.ts";

/**
 * Resolves once the server has said welcome. The SDK would try for ever; a person who mistyped the port wants to know.
 * @throws CommandError where the first try fails; the client is closed then
 */
export async function untilConnected(client: Client, address: Address): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<ConnectionState>();
  const off = client.on("state", (state) => {
    if (state.status !== "connecting") resolve(state);
  });
  const state = client.state.status === "connecting" ? await promise : client.state;
  off();
  if (state.status === "connected") return;
  client.close();
  throw await explain(state, address);
}

/**
 * Never resolves: rejects when the server wants no more of this client, or the client is closed.
 * @throws CommandError
 */
export async function untilEnded(client: Client): Promise<never> {
  const { promise, resolve } = Promise.withResolvers<ConnectionState>();
  client.on("state", (state) => {
    // The token is always the same one here: once it has expired, no retry helps.
    if (state.status === "closed" || state.code === closeTable["token-expired"].code) resolve(state);
  });
  const { code, reason } = client.state.status === "closed" ? client.state : await promise;
  throw new CommandError(`the server ended the connection: ${printable(reason)} (${code})`);
}

/** A WebSocket does not tell why it could not be opened; a plain question to the same server does. */
async function explain({ code, reason }: ConnectionState, address: Address): Promise<CommandError> {
  if (code !== 1006) return new CommandError(`${address.ws} refuses the connection: ${printable(reason)} (${code})`);
  try {
    await askServer({ address, path: "/livez", key: undefined });
  } catch (error) {
    return unreachable(address, error);
  }
  return new CommandError(
    `${address.http} answers, but opens no WebSocket at ${address.ws}: is its WS_PATH another one?`,
  );
}
