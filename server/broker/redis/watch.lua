-- Checks whether this server stores and delivers: writes a key that expires, and publishes to all members.
--
-- KEYS  1  a key that belongs to no channel      ARGV  1  channel    2  text    3  PUBLISH or SPUBLISH
redis.call('SET', KEYS[1], '1', 'PX', 10000)
return redis.call(ARGV[3], ARGV[1], ARGV[2])
