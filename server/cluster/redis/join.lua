-- Makes a member, tells the others, and answers who lives.
--
-- KEYS  1  members: hash of id to state, those that died without a word among them
--       2  sign of life of the newcomer: a key that expires
--       3  counter of all members there ever were
-- ARGV  1  id    2  state as JSON    3  how long a member may be silent, ms
--       4  channel of all    5  PUBLISH or SPUBLISH    6  what the names of signs of life begin with
--
-- Answers  {number of the newcomer, {id, state, id, state, …} of those who live, {id, …} of those who died}

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
