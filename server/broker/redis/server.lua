-- Stores the values that all servers with this prefix share, unless they are there. Returns the values that are there.
--
-- KEYS  1  a hash that belongs to no channel      ARGV  1  format    2  secret    3  history settings
-- RETURNS  {format, secret, history settings}
redis.call('HSETNX', KEYS[1], 'format', ARGV[1])
redis.call('HSETNX', KEYS[1], 'secret', ARGV[2])
redis.call('HSETNX', KEYS[1], 'history', ARGV[3])
return redis.call('HMGET', KEYS[1], 'format', 'secret', 'history')
