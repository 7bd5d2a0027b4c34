-- Claims a name that exists once, if it is free or may be taken from its holder.
--
-- KEYS  1  the claim: hash {member, holder}    2  heartbeat key of the claiming member    3  claims of that member: set
-- ARGV  1  id of the member    2  holder    3  "nobody", "anybody" or "holder"    4  that holder
--       5  prefix of heartbeat keys
--
-- Returns  {"granted" or "refused", the previous member and holder if another live holder had it}
--          {"gone"}: the claiming member has expired

if redis.call('EXISTS', KEYS[2]) == 0 then return {'gone'} end
local had = redis.call('HMGET', KEYS[1], 'member', 'holder')
local lives = had[1] and redis.call('EXISTS', ARGV[5] .. had[1]) == 1
local isMine = lives and had[1] == ARGV[1] and had[2] == ARGV[2]
local granted = not lives or isMine or ARGV[3] == 'anybody' or (ARGV[3] == 'holder' and had[2] == ARGV[4])
if granted then
  redis.call('HSET', KEYS[1], 'member', ARGV[1], 'holder', ARGV[2])
  redis.call('SADD', KEYS[3], KEYS[1])
end
local word = granted and 'granted' or 'refused'
if lives and not isMine then return {word, had[1], had[2]} end
return {word}
