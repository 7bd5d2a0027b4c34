import { noWelcome } from "../../client/attempt.ts";
import type { Client, ConnectionState } from "../../client/index.ts";
import { closeTable } from "../../protocol/close-codes.ts";
import type { Address } from "./address.ts";
import { sendRequest, unreachable, unresponsive } from "./api-request.ts";
import { CommandError } from "./context.ts";
import { printable } from "./printable.ts";

/**
 * Resolves once the client is connected. The SDK would retry forever, but a user who mistyped the port needs an error.
 * @throws CommandError if the first attempt fails; it closes the client
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
 * Never resolves.
 * @throws CommandError when the server closes the connection for good, or the client is closed
 */
export async function untilEnded(client: Client): Promise<never> {
  const { promise, resolve } = Promise.withResolvers<ConnectionState>();
  client.on("state", (state) => {
    // The commands cannot get a new token, so no retry helps once it has expired.
    if (state.status === "closed" || state.code === closeTable["token-expired"].code) resolve(state);
  });
  const { code, reason } = client.state.status === "closed" ? client.state : await promise;
  throw new CommandError(`the server closed the connection: ${printable(reason)} (${code})`);
}

/** A WebSocket does not report why it could not be opened, so an HTTP request to the same server finds out. */
async function explain({ code, reason }: ConnectionState, address: Address): Promise<CommandError> {
  // The SDK has waited for the welcome as long as a request would wait for its answer.
  if (reason === noWelcome) return unresponsive(address.ws);
  if (code !== 1006) return new CommandError(`${address.ws} refused the connection: ${printable(reason)} (${code})`);
  try {
    await sendRequest({ address, path: "/livez", key: undefined });
  } catch (error) {
    return unreachable(address, error);
  }
  return new CommandError(
    `the server at ${address.http} is running, but ${address.ws} is not a WebSocket endpoint: check its WS_PATH`,
  );
}
