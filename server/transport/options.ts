import { duration, type OptionsOf, text } from "../lib/option.ts";

/** Less than the time after which the engine closes a silent socket (websocket/websocket.ts). */
const maxPingMs = 900_000;

export const transportOptions = {
  wsPath: text("/ws", "Path of the WebSocket endpoint. A WebSocket handshake on / is accepted as well.", {
    pattern: /^\/[A-Za-z0-9_\-./~]*$/,
    rule: "a path that begins with /, such as /ws",
  }),
  wsPingInterval: duration(30_000, "Time between two pings of one connection.", { min: 100, max: maxPingMs }),
  wsPingTimeout: duration(10_000, "How long the answer to a ping may take before the connection is closed.", {
    min: 100,
    max: maxPingMs,
  }),
  streamLifetime: duration(
    600_000,
    "Maximum duration of an event stream. The server ends each stream after a random 80 to 100 % of it, and the client resumes with a new one. This also ends the streams of clients that disappeared. 0: no limit.",
    { max: 86_400_000 },
  ),
};

export type TransportOptions = OptionsOf<typeof transportOptions>;
