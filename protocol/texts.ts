/** Every sentence on the wire that is meant for people. Programs use `type`, `event` and `code` instead. */
export const texts = {
  welcome: "Welcome! You are now connected to the broadcast server.",
  welcomeWithCount: (online: number) =>
    `Welcome! You are now connected to the broadcast server. ${online} client(s) online.`,
  joined: (online: number) => `A new client has joined the chat. ${online} client(s) online.`,
  left: (online: number) => `A client has left the chat. ${online} client(s) online.`,
  /** Broadcast by the text command `send_now`. */
  sentNow: "IM sent",
  /** The default text of the periodic notification. */
  scheduled: "Scheduled broadcast",
  draining: (deadlineMs: number) =>
    `Server is shutting down. This connection will be closed within ${Math.ceil(deadlineMs / 1000)} s.`,
  tokenExpiring: (leftMs: number) => `The token expires in ${Math.ceil(leftMs / 1000)} s.`,
  gap: (from: number, to: number) =>
    from === to ? `Message ${from} is no longer available.` : `Messages ${from} to ${to} are no longer available.`,
  gapEpoch: "The channel's numbering started over. Earlier messages may be missing.",
  pushed: "Event pushed",
  pushedPartial: "User is not connected now; the event is stored for when they resume",
} as const;
