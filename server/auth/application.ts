import type { ChannelName } from "../../protocol/channel-name.ts";
import type { Identity } from "./identity.ts";

/**
 * The application behind the server, which makes the decisions that the settings leave to it: see docs/webhooks.md.
 *
 * Both return undefined for a yes that is known already, or a promise that resolves for yes. For no they throw, or the promise
 * rejects with, ServiceError "forbidden" or "unauthorized"; "hook-unavailable" if there is no answer.
 */
export interface Application {
  /** Whether it is asked about new connections at all. */
  readonly decidesOnConnections: boolean;
  /** @param ip where the connection comes from */
  mayConnect(identity: Identity, ip: string): Promise<void> | undefined;
  maySubscribe(identity: Identity, channel: ChannelName): Promise<void> | undefined;
}
