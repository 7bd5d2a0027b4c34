import { bytes, choice, duration, limit, type OptionsOf, text, toggle, whole } from "../lib/option.ts";

/** A day: far beyond what an orchestrator allows, so a longer time is a typing error. */
const dayMs = 86_400_000;

export const hubOptions = {
  chat: toggle(
    { open: true, secured: false },
    "Whether any client may send chat messages to all: as a message, as plain text, or by `send_now`.",
  ),
  notices: toggle(
    { open: true, secured: false },
    "Whether clients are notified when others join and leave, and how many are online.",
  ),
  notificationInterval: duration({ open: 10_000, secured: 0 }, "Time between two periodic messages to all. 0: none.", {
    aliases: ["INTERVAL"],
  }),
  notificationMessage: text("Scheduled broadcast", "Text of the periodic message."),
  shutdownTimeout: duration(1_800_000, "How long a stopping server waits for its clients before it closes the rest.", {
    aliases: ["TIMEOUT"],
    max: dayMs,
  }),
  drainDelay: duration(
    0,
    "How long a stopping server still accepts connections, so that a load balancer has seen the failing health check.",
    { max: 3_600_000 },
  ),
  drainWindow: duration(
    10_000,
    "Time over which a stopping server spreads the reconnects of its clients. Never longer than SHUTDOWN_TIMEOUT.",
    { max: 3_600_000 },
  ),
  drainMode: choice(
    "wait",
    "`wait`: clients are notified and leave by themselves; the rest is closed at the deadline. `move`: each client is closed with 1012 at its own time within the window.",
    { choices: ["wait", "move"] },
  ),
  userConnections: choice(
    "many",
    "Connections per user: `many`; `reject` refuses a second one; `replace` closes the first.",
    { choices: ["many", "reject", "replace"] },
  ),
  flushWindow: duration(
    5,
    "How long messages may be batched when sending to many connections is slow. 0 turns batching off.",
    { max: 1000 },
  ),
  slowTimeout: duration(
    60_000,
    "How long a reader with a full buffer may make no progress before it is closed (4008).",
    {
      min: 1000,
      // Less than the time after which the engine closes a silent socket (transport/websocket/websocket.ts).
      max: 900_000,
    },
  ),
  sendBufferBytes: bytes(
    128 * 1024 ** 2,
    "Bytes buffered for clients that do not read, over all connections of one process. Beyond it, the clients that have read nothing for longest are closed (4008).",
    { min: 1024 ** 2, max: 64 * 1024 ** 3 },
  ),
  maxMessageBytes: bytes(
    64 * 1024,
    "Largest message, data and headers of one publication together, in UTF-8, however it is published.",
    {
      min: 256,
      max: 16 * 1024 ** 2,
    },
  ),
  maxConnections: limit(
    100_000,
    "Connections of one process. Fewer are accepted if the limit of open files (ulimit -n) is lower.",
  ),
  maxConnectionsPerIp: limit(
    10_000,
    "Connections from one address, or from one /64 network of IPv6. High by default, because a company, or a proxy without TRUSTED_PROXIES, is one address.",
  ),
  maxConnectionsPerUser: limit(
    100,
    "Connections of one user to the whole server. A process with more than 20 000 users counts its own only.",
  ),
  maxChannels: limit(100, "Channels of one connection, `all` and the user's own not counted."),
  presenceSize: whole(
    10_000,
    "Connections per channel that presence lists and announces, in channels with presence events or webhooks. Further connections still get the channel's messages, and are counted as `unlisted`.",
    { min: 1, max: 1_000_000 },
  ),
  presenceBytes: bytes(
    256 * 1024 ** 2,
    "Memory for the presences of one process in all such channels together: about 1300 bytes each, and 1600 for each channel. Connections beyond it are not listed either.",
    { min: 4096, max: 64 * 1024 ** 3 },
  ),
};

export type HubOptions = OptionsOf<typeof hubOptions>;
