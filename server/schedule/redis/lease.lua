-- Takes, renews, offers or releases the lease.
--
-- KEYS  1  lease: hash {holder, token, offered}, expires    2  counters: hash {token}
-- ARGV  1  holder    2  "take", "offer" or "release"    3  how long it lasts, ms
--       4  channel to publish on    5  PUBLISH or SPUBLISH
--
-- Returns  {token, ms until it expires}, the token "" if the caller does not hold it

local has = redis.call('HMGET', KEYS[1], 'holder', 'token', 'offered')
local holder, token, offered = has[1], has[2], has[3]
local isMine = holder == ARGV[1]
if ARGV[2] == 'release' then
  if isMine then
    redis.call('DEL', KEYS[1])
    redis.call(ARGV[5], ARGV[4], 'free')
  end
  return {'', 0}
end
if holder and not isMine and not (offered == '1' and ARGV[2] == 'take') then
  return {'', redis.call('PTTL', KEYS[1])}
end
if not isMine then token = string.format('%.0f', redis.call('HINCRBY', KEYS[2], 'token', 1)) end
local offers = ARGV[2] == 'offer' and '1' or '0'
redis.call('HSET', KEYS[1], 'holder', ARGV[1], 'token', token, 'offered', offers)
redis.call('PEXPIRE', KEYS[1], ARGV[3])
if offers == '1' and not (isMine and offered == '1') then redis.call(ARGV[5], ARGV[4], 'free') end
return {token, tonumber(ARGV[3])}
