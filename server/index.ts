/** The server as a library, and a client to go with it: docs/library.md. */
export { BroadcastClient, type BroadcastClientOptions } from "../client/broadcast-client.ts";
export {
  type Broadcast,
  BroadcastServer,
  type BroadcastServerOptions,
  type ConnectedClient,
  type ReceivedMessage,
} from "./worker/broadcast-server.ts";
