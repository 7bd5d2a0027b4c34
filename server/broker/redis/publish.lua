-- Gives a publication the next offset, stores it, trims the channel's history and sends it to every listening worker.
--
-- KEYS  1  record of the channel: hash {e epoch, o top, l life, n time of the newest, f time of the oldest kept,
--          d time of the newest dropped, b bytes kept, x age limit in ms}
--       2  messages: stream, ids `offset-0`, fields t (time), c (cost in bytes) and p (publication as text), in this order
--       3  remembered id (only where the publisher chose one): "epoch offset"
-- ARGV  1  life of this server          5  messages kept at most     9  time after which it is too late, ms
--       2  epoch for a new channel      6  age limit, ms            10  channel to publish on
--       3  publication as text          7  bytes kept at most       11  PUBLISH or SPUBLISH
--       4  how long the record          8  how long the id is        12  what it counts against 7
--          outlives its messages, ms       remembered, ms
--
-- Answers  {"stored", epoch, offset, time, listening workers}
--          {"duplicate", epoch, offset}       the id was stored before
--          {"life", epoch, top, life}         the record belongs to another life: nothing is stored
--          {"late"}                           nothing is stored

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
if now > tonumber(ARGV[9]) then return {'late'} end

local record = redis.call('HMGET', KEYS[1], 'e', 'o', 'l', 'n', 'f', 'd', 'b')
local epoch, top = record[1], tonumber(record[2] or 0)
if epoch and record[3] ~= ARGV[1] then return {'life', epoch, top, record[3]} end
if KEYS[3] then
  local known = redis.call('GET', KEYS[3])
  if known then
    local space = string.find(known, ' ', 1, true)
    return {'duplicate', string.sub(known, 1, space - 1), tonumber(string.sub(known, space + 1))}
  end
end

-- Time within a channel never goes back, so that what is older than something can be searched for.
local newest, oldest, dropped = tonumber(record[4] or 0), tonumber(record[5] or 0), record[6] or ''
local bytes = tonumber(record[7] or 0)
if now < newest then now = newest end
if not epoch then
  epoch = ARGV[2]
  redis.call('DEL', KEYS[2]) -- messages without a record belong to nobody
end

local maxCount, maxAge, maxBytes = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local offset = top + 1
local cost = tonumber(ARGV[12])

local count = redis.call('XLEN', KEYS[2])
if count == 0 then
  if top > 0 and newest > 0 then dropped = newest end
  bytes, oldest = 0, now
end
if maxCount == 0 or cost > maxBytes then
  if count > 0 then redis.call('DEL', KEYS[2]) end
  dropped, bytes, oldest = now, 0, now
else
  redis.call('XADD', KEYS[2], offset .. '-0', 't', now, 'c', cost, 'p', ARGV[3])
  count, bytes = count + 1, bytes + cost
  -- The oldest leave until all three limits hold; a bounded number at once, since reads skip what is too old.
  local left = 1000
  while left > 0 and (count > maxCount or bytes > maxBytes or oldest < now - maxAge) do
    local two = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 2)
    if not two[2] then break end
    dropped = two[1][2][2]
    bytes = bytes - tonumber(two[1][2][4])
    redis.call('XDEL', KEYS[2], two[1][1])
    oldest = tonumber(two[2][2][2])
    count, left = count - 1, left - 1
  end
  redis.call('PEXPIRE', KEYS[2], maxAge)
end
redis.call('HSET', KEYS[1], 'e', epoch, 'o', offset, 'l', ARGV[1], 'n', now, 'f', oldest, 'd', dropped, 'b', bytes,
  'x', ARGV[6])
redis.call('PEXPIRE', KEYS[1], maxAge + ARGV[4])
if KEYS[3] then redis.call('SET', KEYS[3], epoch .. ' ' .. offset, 'PX', ARGV[8]) end

local text = epoch .. ' ' .. offset .. ' ' .. now .. '\n' .. ARGV[3]
return {'stored', epoch, offset, now, redis.call(ARGV[11], ARGV[10], text)}
