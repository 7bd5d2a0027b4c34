/** Redis cannot be asked now, or did not answer: what was asked may have happened or not. */
export class RedisUnreachable extends Error {
  override readonly name = "RedisUnreachable";
}

/** Redis is there and cannot be used as it is: a person must change something. The message says what. */
export class RedisUnusable extends Error {
  override readonly name = "RedisUnusable";
}
