-- Writes a member's heartbeat and publishes it to all members. Fails if this server accepts no writes.
--
-- KEYS  1  heartbeats: sorted set of "member replid", by server time, ms
-- ARGV  1  channel         3  PUBLISH or SPUBLISH    5  how long heartbeats are kept, ms
--       2  text            4  "member replid"        6  how many are kept at most
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
redis.call('ZADD', KEYS[1], now, ARGV[4])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[5])
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -1 - ARGV[6])
redis.call('PEXPIRE', KEYS[1], ARGV[5])
return redis.call(ARGV[3], ARGV[1], ARGV[2])
