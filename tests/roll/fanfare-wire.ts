import { createClient } from "../../client/client.ts";
import { parseChannelName } from "../../protocol/channel-name.ts";
import { formatCursor } from "../../protocol/position.ts";
import type { OwnClient, Received, ReceivedMessage, Transport } from "./driver.ts";

/** The channel of a run. */
export const channel = "roll";

/** The settings file: presence events, and enough history for every message of a run. */
export const channelSettings = (historySize = 1_000_000) => `channels:
  - match: ${channel}
    presence: on
    presence_events: on
    history_size: ${historySize}
    history_bytes: 256MiB
    history_ttl: 1h
`;

/** The settings of every server in these tests. */
export const settings = { NOTICES: "on", MESSAGE_RATE: "0", SHUTDOWN_TIMEOUT: "20s" };

interface Frame {
  readonly type: string;
  readonly event?: string;
  readonly channel?: string;
  readonly offset?: number;
  readonly data?: unknown;
  readonly reason?: string;
  readonly epoch?: string;
  readonly channels?: Readonly<Record<string, { readonly epoch: string; readonly recovered?: boolean }>>;
}

export function subscriberUrl(url: string, transport: Transport, last: ReceivedMessage | undefined): string {
  const query = new URLSearchParams({ channel });
  const name = parseChannelName(channel);
  if (name !== undefined && last?.offset !== undefined && last.epoch !== undefined) {
    query.set("since", formatCursor(new Map([[name, { epoch: last.epoch, offset: last.offset }]])));
  }
  return transport === "sse" ? `${url}/sse?${query}` : `${url.replace(/^http/, "ws")}/ws?${query}`;
}

export function makeReader(): (text: string) => readonly Received[] {
  let epoch = "";
  return (text) => {
    const parsed: unknown = JSON.parse(text);
    return ((Array.isArray(parsed) ? parsed : [parsed]) as Frame[]).flatMap((frame): readonly Received[] => {
      const { type, event = "", offset = 0, data } = frame;
      if (event === "welcome") {
        const joined = frame.channels?.[channel];
        epoch = joined?.epoch ?? "";
        return joined?.recovered === false ? [{ kind: "gap", text: "not recovered" }] : [];
      }
      if (event === "gap") {
        epoch = frame.epoch ?? epoch;
        return [{ kind: "gap", text: `${frame.reason}` }];
      }
      if (type === "message" && frame.channel === channel) return [{ kind: "message", text: `${data}`, offset, epoch }];
      return event === "joined" || event === "left" ? [{ kind: "notice", text: `${type} ${event}` }] : [];
    });
  };
}

/** The SDK. */
export function openOwnClient(url: string, onReceived: (received: Received) => void): OwnClient {
  const client = createClient(url, { transports: ["websocket"] });
  const room = client.channel<unknown>(channel);
  room.on("message", ({ offset = 0, data }) =>
    onReceived({ kind: "message", text: `${data}`, offset, epoch: room.position?.epoch ?? "" }),
  );
  room.on("gap", ({ reason }) => onReceived({ kind: "gap", text: reason }));
  client.on("system", ({ event }) => {
    if (event === "joined" || event === "left") onReceived({ kind: "notice", text: `system ${event}` });
  });
  client.connect();
  return {
    get isConnected() {
      return client.state.status === "connected";
    },
    close: () => client.close(),
  };
}
