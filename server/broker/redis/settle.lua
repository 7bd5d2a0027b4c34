-- Brings a channel's record into the present life, once: whoever comes second finds it done.
--
-- KEYS  1  record of the channel, see publish.lua
-- ARGV  1  life of this server              5  "keep": nothing was lost, the epoch goes on; "renew";
--                                               "behind": renew if the top is behind argument 4
--       2  life that was found              6  the new epoch, if one is needed
--       3  epoch that was found             7  channel to publish on
--       4  top that was found; the highest  8  PUBLISH or SPUBLISH
--          known offset for "behind"
--
-- Answers  {"top", epoch, top}: the record belongs to the present life now
--          {"life", epoch, top, life}: it was changed since it was found, and has to be looked at again
--          {"gone"}: there is no record any more

local record = redis.call('HMGET', KEYS[1], 'e', 'o', 'l')
local epoch, top = record[1], tonumber(record[2] or 0)
if not epoch then return {'gone'} end
if ARGV[5] == 'behind' then
  if epoch ~= ARGV[3] or top >= tonumber(ARGV[4]) then return {'top', epoch, top} end
elseif record[3] == ARGV[1] then
  return {'top', epoch, top}
elseif record[3] ~= ARGV[2] or epoch ~= ARGV[3] or top ~= tonumber(ARGV[4]) then
  return {'life', epoch, top, record[3]}
end
if ARGV[5] == 'keep' then
  redis.call('HSET', KEYS[1], 'l', ARGV[1])
  return {'top', epoch, top}
end
-- What is kept keeps its offsets: under the new epoch they name nothing else.
redis.call('HSET', KEYS[1], 'e', ARGV[6], 'l', ARGV[1])
redis.call(ARGV[8], ARGV[7], 'reset ' .. ARGV[6] .. ' ' .. top)
return {'top', ARGV[6], top}
