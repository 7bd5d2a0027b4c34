-- Tells the top of a channel; one that is not known gets its record, and with it an epoch.
--
-- KEYS  1  record of the channel    2  its messages, see publish.lua
-- ARGV  1  life of this server    2  epoch for a new channel    3  how long the record outlives its messages, ms
--
-- Answers  {"top", epoch, top}  or  {"life", epoch, top, life}: the record belongs to another life

local record = redis.call('HMGET', KEYS[1], 'e', 'o', 'l', 'x')
if not record[1] then
  redis.call('DEL', KEYS[2]) -- messages without a record belong to nobody
  redis.call('HSET', KEYS[1], 'e', ARGV[2], 'o', 0, 'l', ARGV[1])
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
  return {'top', ARGV[2], 0}
end
if record[3] ~= ARGV[1] then return {'life', record[1], tonumber(record[2]), record[3]} end
redis.call('PEXPIRE', KEYS[1], ARGV[3] + (record[4] or 0))
return {'top', record[1], tonumber(record[2])}
