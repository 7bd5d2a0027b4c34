/** Every sentence that a person meets on the wire. Programs go by `type`, `event` and `code`, never by these. */
export const texts = {
  welcome: "Welcome! You are now connected to the broadcast server.",
  welcomeWithCount: (online: number) =>
    `Welcome! You are now connected to the broadcast server. ${online} client(s) online.`,
  joined: (online: number) => `A new client has joined the chat. ${online} client(s) online.`,
  left: (online: number) => `A client has left the chat. ${online} client(s) online.`,
  /** What the text command `send_now` broadcasts. */
  sentNow: "IM sent",
  /** The default of the periodic notification. */
  scheduled: "Scheduled broadcast",
  draining: (deadlineMs: number) =>
    `Server is shutting down. This connection is closed in ${Math.ceil(deadlineMs / 1000)} s at the latest.`,
  gap: (from: number, to: number) =>
    from === to ? `Message ${from} is no longer there.` : `Messages ${from} to ${to} are no longer there.`,
  gapEpoch: "The channel's numbering began anew; what came before is not known to be complete.",
  pushed: "Event pushed",
  pushedPartial: "User is not connected now; the event is stored for when they resume",
} as const;
