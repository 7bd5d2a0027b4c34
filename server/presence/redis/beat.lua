-- A heartbeat of one owner on one primary. It covers all its presences there.
--
-- KEYS  1  owners: set, including owners that expired
--       2  heartbeat key of the owner, which expires
--       3  life: is missing if this server has lost its data
--       4  rebuilding: exists, and expires, while the owners store their presences again
-- ARGV  1  owner    2  expiry, ms    3  1 if the owner has sent a heartbeat to this server before
--       4  prefix of keys like 2    5  expiry of 4, ms    6  prefix of the claims to remove a dead owner    7  their expiry, ms
--
-- Returns  {1 if the owner had not expired, 1 if the server has its data, {dead owner that the caller is to remove, …},
--           server time at which the owner expires, ms}

local clock = redis.call('TIME')
local expiresAt = clock[1] * 1000 + math.floor(clock[2] / 1000) + ARGV[2]

local wasAlive = redis.call('EXISTS', KEYS[2])
local hasData = redis.call('EXISTS', KEYS[3])
if hasData == 0 then
  redis.call('SET', KEYS[3], '1')
  if ARGV[3] == '1' then redis.call('SET', KEYS[4], '1', 'PX', ARGV[5]) end
end
-- An owner that lost its presences returns under another name. Otherwise presences that it stores now would be removed
-- together with those that are left under the old name.
if ARGV[3] == '1' and (wasAlive == 0 or hasData == 0) then return {wasAlive, hasData, {}, 0} end
redis.call('SET', KEYS[2], '1', 'PX', ARGV[2])
redis.call('SADD', KEYS[1], ARGV[1])
local dead = {}
for _, owner in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  if redis.call('EXISTS', ARGV[4] .. owner) == 0 and redis.call('SET', ARGV[6] .. owner, '1', 'NX', 'PX', ARGV[7]) then
    dead[#dead + 1] = owner
  end
end
return {wasAlive, hasData, dead, expiresAt}
