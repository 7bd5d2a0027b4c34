/** The server and a client as a library. See docs/library.md. */
export { BroadcastClient, type BroadcastClientOptions } from "../client/broadcast-client.ts";
export {
  type Broadcast,
  BroadcastServer,
  type BroadcastServerOptions,
  type ConnectedClient,
  type ReceivedMessage,
} from "./worker/broadcast-server.ts";
