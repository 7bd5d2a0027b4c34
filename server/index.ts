/** The server as a library: docs/library.md. */
export {
  type Broadcast,
  BroadcastServer,
  type BroadcastServerOptions,
  type ConnectedClient,
  type ReceivedMessage,
} from "./worker/broadcast-server.ts";
