-- Gives a publication the next offset, stores it, trims the channel's history and sends it to every listening worker.
--
-- KEYS  1  record of the channel: "epoch top replid newest oldest floor total maxage until", see below
--       2  messages: stream, ids `offset-0`, fields in this order:
--            t  time, ms since 1970       q  time of the message before, or -1
--            c  costs of all before it    p  publication as text
--       3  remembered id (only where the publisher chose one): "epoch offset"
-- ARGV  1  replid of this server        5  messages kept at most     9  refused after this server time, ms
--       2  epoch for a new channel      6  age limit, ms            10  channel to publish on
--       3  publication as text          7  cost kept at most        11  PUBLISH or SPUBLISH
--       4  how long the record          8  how long the id is       12  its cost, bytes
--          outlives its messages, ms       remembered, ms
--
-- Returns  {"stored", epoch, offset, time, listening workers}
--          {"duplicate", epoch, offset}       the id was stored before
--          {"life", epoch, top, replid}       nothing is stored: the record has this other replication id (replid)
--          {"late"}                           nothing is stored
--
-- In the record, newest is the time of the newest message, and total the costs of all messages ever stored. Oldest and
-- floor are the time of the oldest kept message and the costs of all before it. They may be out of date: then the kept
-- messages are younger and cost less. They are read again only when they exceed a limit, so that most publications read
-- no other message. Until is when the messages expire, by the clock of the server.

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
if now > tonumber(ARGV[9]) then return {'late'} end

local record = redis.call('GET', KEYS[1])
local epoch, top, replid, newest, oldest, floor, total, _, untilTime
if record then
  epoch, top, replid, newest, oldest, floor, total, _, untilTime =
    string.match(record, '^(%S+) (%d+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+)')
  if not epoch then return redis.error_reply('WRONGTYPE the record was written by another program') end
  top = tonumber(top)
  if replid ~= ARGV[1] then return {'life', epoch, top, replid} end
  newest, oldest, floor = tonumber(newest), tonumber(oldest), tonumber(floor)
  total, untilTime = tonumber(total), tonumber(untilTime)
end
if KEYS[3] then
  local known = redis.call('GET', KEYS[3])
  -- Without a record, the epoch of a remembered id is gone, and so is its message.
  if known and record then
    local space = string.find(known, ' ', 1, true)
    if not space then return redis.error_reply('WRONGTYPE the id was written by another program') end
    return {'duplicate', string.sub(known, 1, space - 1), tonumber(string.sub(known, space + 1))}
  end
end
if not record then
  epoch, top, newest, oldest, floor, total, untilTime = ARGV[2], 0, -1, now, 0, 0, 0
  redis.call('XLEN', KEYS[2]) -- fails if the key belongs to another program
  redis.call('DEL', KEYS[2]) -- messages without a record are leftovers
end

-- Time within a channel never goes back, so that read.lua can search by age. Keys expire by the clock, which may have been set back.
local clockTime = now
if now < newest then now = newest end
local maxCount, maxAge, maxCost, cost = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[12])
local offset = top + 1
local before = total
total = total + cost

if maxCount == 0 or cost > maxCost then
  redis.call('XLEN', KEYS[2])
  redis.call('DEL', KEYS[2])
  floor, oldest, untilTime = total, now, 0
else
  local fields = {'t', now, 'q', newest, 'c', string.format('%.0f', before), 'p', ARGV[3]}
  local id = offset .. '-0'
  local added = redis.pcall('XADD', KEYS[2], 'NOMKSTREAM', 'MAXLEN', '=', ARGV[5], id, unpack(fields))
  if not added or added.err then
    if added and not string.find(added.err, 'equal or smaller', 1, true) then return added end
    if added then
      -- Another program has set the record back, so the next offsets have been used already.
      redis.call('DEL', KEYS[2])
      epoch = ARGV[2]
      redis.call(ARGV[11], ARGV[10], string.format('reset %s %.0f', epoch, top))
    end
    redis.call('XADD', KEYS[2], id, unpack(fields))
    floor, oldest, untilTime = before, now, 0 -- a new stream, even if another program has deleted it
  end
  -- At most 1000 are trimmed per publication. Reads skip the rest.
  for _ = 1, 1000 do
    if total - floor <= maxCost and oldest >= now - maxAge then break end
    local two = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 2)
    oldest, floor = tonumber(two[1][2][2]), tonumber(two[1][2][6])
    if not two[2] or (total - floor <= maxCost and oldest >= now - maxAge) then break end
    redis.call('XDEL', KEYS[2], two[1][1])
    oldest, floor = tonumber(two[2][2][2]), tonumber(two[2][2][6])
  end
  if untilTime < clockTime + maxAge then
    -- A tenth more, so that not every publication has to set the expiry.
    local lifetime = math.ceil(maxAge * 1.1)
    redis.call('PEXPIRE', KEYS[2], lifetime)
    untilTime = clockTime + lifetime
  end
end
redis.call('SET', KEYS[1], string.format('%s %.0f %s %.0f %.0f %.0f %.0f %s %.0f', epoch, offset, ARGV[1], now, oldest,
  floor, total, ARGV[6], untilTime), 'PX', maxAge + ARGV[4])
if KEYS[3] then redis.call('SET', KEYS[3], epoch .. ' ' .. offset, 'PX', ARGV[8]) end

local text = string.format('%s %.0f %.0f\n', epoch, offset, now) .. ARGV[3]
return {'stored', epoch, offset, now, redis.call(ARGV[11], ARGV[10], text)}
