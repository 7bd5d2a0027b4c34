-- Returns the top of a channel. A channel that is not known gets a record, and with it an epoch.
--
-- KEYS  1  record of the channel    2  its messages, see publish.lua
-- ARGV  1  replid of this server    2  epoch for a new channel    3  how long the record outlives its messages, ms
--
-- Returns  {"top", epoch, top}
--          {"life", epoch, top, replid}: the record was written under this other replication id (replid)

local record = redis.call('GET', KEYS[1])
if not record then
  redis.call('XLEN', KEYS[2]) -- fails if the key belongs to another program
  redis.call('DEL', KEYS[2]) -- messages without a record are leftovers
  redis.call('SET', KEYS[1], ARGV[2] .. ' 0 ' .. ARGV[1] .. ' -1 0 0 0 0 0', 'PX', ARGV[3])
  return {'top', ARGV[2], 0}
end
local epoch, top, replid, maxAge = string.match(record, '^(%S+) (%d+) (%S+) %S+ %S+ %S+ %S+ (%S+)')
if not epoch then return redis.error_reply('WRONGTYPE the record was written by another program') end
if replid ~= ARGV[1] then return {'life', epoch, tonumber(top), replid} end
redis.call('PEXPIRE', KEYS[1], ARGV[3] + maxAge)
return {'top', epoch, tonumber(top)}
