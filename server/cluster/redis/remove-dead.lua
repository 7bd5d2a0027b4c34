-- Releases the claims of a member that is gone, some at a time. Any member may run it, also concurrently.
--
-- KEYS  1  members    2  heartbeat key of the member    3  its claims: set
-- ARGV  1  id of the member    2  "left" if it leaves by itself: deletes its heartbeat key
--       3  channel of all      4  PUBLISH or SPUBLISH
--
-- Returns  1 if there is more to do

if ARGV[2] == 'left' then
  if redis.call('DEL', KEYS[2]) == 1 then redis.call(ARGV[4], ARGV[3], 'left ' .. ARGV[1]) end
elseif redis.call('EXISTS', KEYS[2]) == 1 then
  return 0
end
redis.call('HDEL', KEYS[1], ARGV[1])
local claims = redis.call('SPOP', KEYS[3], 500)
for _, key in ipairs(claims) do
  if redis.call('HGET', key, 'member') == ARGV[1] then redis.call('DEL', key) end
end
return redis.call('EXISTS', KEYS[3])
