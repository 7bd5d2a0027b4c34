-- Tells the top of a channel; one that is not known gets its record, and with it an epoch.
--
-- KEYS  1  record of the channel    2  its messages, see publish.lua
-- ARGV  1  life of this server    2  epoch for a new channel    3  how long the record outlives its messages, ms
--
-- Answers  {"top", epoch, top}  or  {"life", epoch, top, life}: the record belongs to another life

local record = redis.call('GET', KEYS[1])
if not record then
  redis.call('XLEN', KEYS[2]) -- fails where the key is another program's
  redis.call('DEL', KEYS[2]) -- messages without a record belong to nobody
  redis.call('SET', KEYS[1], ARGV[2] .. ' 0 ' .. ARGV[1] .. ' -1 0 0 0 0 0', 'PX', ARGV[3])
  return {'top', ARGV[2], 0}
end
local epoch, top, life, maxAge = string.match(record, '^(%S+) (%d+) (%S+) %S+ %S+ %S+ %S+ (%S+)')
if not epoch then return redis.error_reply('WRONGTYPE the record was written by another program') end
if life ~= ARGV[1] then return {'life', epoch, tonumber(top), life} end
redis.call('PEXPIRE', KEYS[1], ARGV[3] + maxAge)
return {'top', epoch, tonumber(top)}
