-- A heartbeat. Extends the membership, unless it has expired.
--
-- KEYS  1  members    2  heartbeat key of the member, see join.lua
-- ARGV  1  id    2  number, a space, and the state as JSON    3  expiry, ms
--       4  channel of all    5  PUBLISH or SPUBLISH
--
-- Returns  1, or 0 if the member has expired: it must join again

if redis.call('EXISTS', KEYS[2]) == 0 then return 0 end
redis.call('SET', KEYS[2], '1', 'PX', ARGV[3])
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call(ARGV[5], ARGV[4], 'beat ' .. ARGV[1] .. ' ' .. ARGV[2])
return 1
