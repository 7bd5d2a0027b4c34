/** Limits that clients and server share. Limits that an operator can change are in the server's options. */
export const limits = {
  /** Characters of a plain channel's name. */
  channelNameLength: 200,
  /** Characters of a user's id. */
  userIdLength: 128,
  /** Bytes of a cursor: small enough for a header or a query string behind any proxy. */
  cursorBytes: 4096,
  /** Characters of a publication's id; also of `Idempotency-Key`. */
  idLength: 128,
  /** Characters of a publication's `event`. */
  eventLength: 100,
  /** Characters of a `sender`. */
  senderLength: 128,
  /** Characters of a `key`. */
  keyLength: 256,
  /** Characters of a `ref`. */
  refLength: 128,
  /** Number of entries in `headers`, and characters of one name and value together. */
  headers: 16,
  headerLength: 1024,
  /** Levels of arrays and objects inside `data`. Some JSON parsers fail at a few hundred levels. */
  jsonDepth: 128,
  /** Publications in one history answer: the maximum, and the default. */
  historyLimit: 1000,
  historyDefault: 100,
  /** The largest `last:N`. */
  lastLimit: 10_000,
  /** Connections in one presence answer. */
  presenceMembers: 500,
  /** Characters of its `page`: a user's id and a connection's. */
  pageLength: 256,
  /** Bytes of a token's claim `info` as JSON. */
  infoBytes: 1024,
  /** Items in one batch. */
  batchItems: 1000,
  /** Channels or users in one publish request. */
  publishTargets: 1000,
} as const;
