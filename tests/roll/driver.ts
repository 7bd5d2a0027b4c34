/** A message as a subscriber received it. */
export interface ReceivedMessage {
  readonly kind: "message";
  readonly text: string;
  /** Its number in the channel, if the server numbers messages. The harness then expects each number once, without a hole. */
  readonly offset?: number;
  /** Names the numbering. It must never change during a run. */
  readonly epoch?: string;
}

/** A message of a server to a subscriber. */
export type Received =
  | ReceivedMessage
  /** That another client joined or left. Nobody does during a run: clients only move. */
  | { readonly kind: "notice"; readonly text: string }
  /** That messages are missing. */
  | { readonly kind: "gap"; readonly text: string };

/** Which transport a subscriber uses. */
export type Transport = "websocket" | "sse";

/**
 * A server, as the harness reaches it. To measure another server, implement this interface: start it, replace it by a new
 * instance while clients are connected, and say how its clients subscribe, resume and publish.
 */
export interface Driver extends AsyncDisposable {
  readonly name: string;
  /** Over how many seconds a roll spreads the reconnects of the clients, at least. The harness checks their rate. */
  readonly windowS: number;
  start(): Promise<void>;
  /** Replaces the server by a new instance. Resolves when the old one is gone. */
  roll(): Promise<void>;
  /** Stops the server. @returns its exit code */
  stop(): Promise<number>;
  /** Where a subscriber connects. @param last the last message that it has; undefined for its first connection */
  subscriberUrl(transport: Transport, last: ReceivedMessage | undefined): string;
  /** Makes the function that reads the texts of one connection. */
  makeReader(): (text: string) => readonly Received[];
  /** One attempt to publish a message. The same id may have been sent before. @throws Error if it must be sent again */
  publish(message: { readonly id: string; readonly text: string }, via: "http" | "websocket"): Promise<void>;
  /** Opens a client of the server's own library, if it has one. @param onReceived called with everything it passes on */
  openOwnClient?(onReceived: (received: Received) => void): OwnClient;
}

/** A client of a server's own library. */
export interface OwnClient {
  readonly isConnected: boolean;
  close(): void;
}
