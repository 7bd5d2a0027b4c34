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

local record = redis.call('GET', KEYS[1])
if not record then return {'gone'} end
local epoch, top, life, rest = string.match(record, '^(%S+) (%S+) (%S+) (.*)$')
top = tonumber(top)
if ARGV[5] == 'behind' then
  if epoch ~= ARGV[3] or top >= tonumber(ARGV[4]) then return {'top', epoch, top} end
elseif life == ARGV[1] then
  return {'top', epoch, top}
elseif life ~= ARGV[2] or epoch ~= ARGV[3] or top ~= tonumber(ARGV[4]) then
  return {'life', epoch, top, life}
end
-- What is kept keeps its offsets: under a new epoch they name nothing else.
local isKept = ARGV[5] == 'keep'
if not isKept then epoch = ARGV[6] end
redis.call('SET', KEYS[1], string.format('%s %.0f %s %s', epoch, top, ARGV[1], rest), 'KEEPTTL')
if not isKept then redis.call(ARGV[8], ARGV[7], string.format('reset %s %.0f', epoch, top)) end
return {'top', epoch, top}
