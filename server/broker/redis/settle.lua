-- Rewrites a channel's record under the current replication id (replid), unless another member already has.
--
-- KEYS  1  record of the channel, see publish.lua
-- ARGV  1  replid of this server            5  "keep": nothing was lost, keep the epoch; "renew";
--                                               "behind": renew if the top is behind argument 4
--       2  replid that was found            6  the new epoch, if one is needed
--       3  epoch that was found             7  channel to publish on
--       4  top that was found; the highest  8  PUBLISH or SPUBLISH
--          known offset for "behind"
--
-- Returns  {"top", epoch, top}: the record has the current replication id now
--          {"life", epoch, top, replid}: the record has changed since it was found, and must be read again
--          {"gone"}: the record no longer exists

local record = redis.call('GET', KEYS[1])
if not record then return {'gone'} end
local epoch, top, replid, rest = string.match(record, '^(%S+) (%S+) (%S+) (.*)$')
top = tonumber(top)
if ARGV[5] == 'behind' then
  if epoch ~= ARGV[3] or top >= tonumber(ARGV[4]) then return {'top', epoch, top} end
elseif replid == ARGV[1] then
  return {'top', epoch, top}
elseif replid ~= ARGV[2] or epoch ~= ARGV[3] or top ~= tonumber(ARGV[4]) then
  return {'life', epoch, top, replid}
end
-- Kept messages keep their offsets, which were never used under the new epoch.
local isKept = ARGV[5] == 'keep'
if not isKept then epoch = ARGV[6] end
redis.call('SET', KEYS[1], string.format('%s %.0f %s %s', epoch, top, ARGV[1], rest), 'KEEPTTL')
if not isKept then redis.call(ARGV[8], ARGV[7], string.format('reset %s %.0f', epoch, top)) end
return {'top', epoch, top}
