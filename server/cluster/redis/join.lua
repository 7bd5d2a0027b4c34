-- Adds a member, notifies the others, and answers the live members.
--
-- KEYS  1  members: hash of id to state, including members that expired without leaving
--       2  heartbeat key of the new member, which expires
--       3  counter of all members ever
-- ARGV  1  id    2  state as JSON    3  expiry, ms
--       4  channel of all    5  PUBLISH or SPUBLISH    6  prefix of heartbeat keys
--
-- Returns  {number of the new member, {id, state, id, state, …} of live members, {id, …} of expired members}

local number = redis.call('INCR', KEYS[3])
local state = number .. ' ' .. ARGV[2]
local living, dead = {}, {}
local all = redis.call('HGETALL', KEYS[1])
for at = 1, #all, 2 do
  if redis.call('EXISTS', ARGV[6] .. all[at]) == 1 then
    living[#living + 1] = all[at]
    living[#living + 1] = all[at + 1]
  else
    dead[#dead + 1] = all[at]
  end
end
redis.call('HSET', KEYS[1], ARGV[1], state)
redis.call('SET', KEYS[2], '1', 'PX', ARGV[3])
redis.call(ARGV[5], ARGV[4], 'joined ' .. ARGV[1] .. ' ' .. state)
return {number, living, dead}
