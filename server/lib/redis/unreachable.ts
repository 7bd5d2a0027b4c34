/** Redis cannot be reached, or did not answer: a command may or may not have been carried out. */
export class RedisUnreachable extends Error {
  override readonly name = "RedisUnreachable";
}

/** Redis is reachable but not usable as it is: an operator must change something. The message says what. */
export class RedisUnusable extends Error {
  override readonly name = "RedisUnusable";
}
