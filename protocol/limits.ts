/** Limits that both sides know. What an operator may change stands in the server's options. */
export const limits = {
  /** Characters of a plain channel's name. */
  channelNameLength: 200,
  /** Characters of a user's id. */
  userIdLength: 128,
  /** Bytes of a cursor: what fits into a header and a query without a proxy's complaint. */
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
  /** How many entries `headers` may have, and characters of one name and one value together. */
  headers: 16,
  headerLength: 1024,
  /** Levels of arrays and objects inside `data`: JSON parsers of small languages give up at a few hundred. */
  jsonDepth: 128,
  /** Publications in one history answer, and in one that names no limit. */
  historyLimit: 1000,
  historyDefault: 100,
  /** The largest `last:N`. */
  lastLimit: 10_000,
  /** Users of one presence answer. */
  presenceUsers: 500,
  /** Items of one batch. */
  batchItems: 1000,
  /** Channels or users of one publish request. */
  publishTargets: 1000,
} as const;
