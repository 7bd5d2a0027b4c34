-- A stretch of a channel's history, oldest first, bounded by number and by bytes.
--
-- KEYS  1  record of the channel    2  its messages, see publish.lua
-- ARGV  1  life of this server
--       2  epoch for a new channel
--       3  how long the record outlives its messages, ms
--       4  what is asked for: "position", "earliest", "age" or "last"
--       5  the epoch of a position; the age in ms; how many of the last
--       6  the offset of a position
--       7  publications at most         8  cost at most, bytes; one publication is answered in any case
--
-- Answers  {"history", epoch, top, gap, {offset, time, text, offset, time, text, …}}
--          gap is "", "epoch-changed" or "history-too-short"
--          {"life", epoch, top, life}: the record belongs to another life

local record = redis.call('HMGET', KEYS[1], 'e', 'o', 'l', 'd', 'x', 'n')
local epoch, top = record[1], tonumber(record[2] or 0)
if not epoch then
  epoch = ARGV[2]
  redis.call('DEL', KEYS[2]) -- messages without a record belong to nobody
  redis.call('HSET', KEYS[1], 'e', epoch, 'o', 0, 'l', ARGV[1])
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
elseif record[3] ~= ARGV[1] then
  return {'life', epoch, top, record[3]}
end

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local first = top - redis.call('XLEN', KEYS[2]) + 1

local function timeOf(offset)
  return tonumber(redis.call('XRANGE', KEYS[2], offset .. '-0', offset .. '-0')[1][2][2])
end

-- The first kept offset whose time is not before `time`; top + 1 where there is none.
local function firstSince(time)
  local low, high = first, top + 1
  while low < high do
    local middle = math.floor((low + high) / 2)
    if timeOf(middle) < time then low = middle + 1 else high = middle end
  end
  return low
end

-- What is too old is there until the next publication trims it, and is not answered.
local droppedUntil = tonumber(record[4] or '') or -1
local oldest = first
if first > top then
  if top > 0 then droppedUntil = tonumber(record[6] or '') or droppedUntil end
else
  oldest = firstSince(now - tonumber(record[5]))
  if oldest > first then droppedUntil = timeOf(oldest - 1) end
end
first = oldest

local from, gap = first, ''
if ARGV[4] == 'position' then
  local after = tonumber(ARGV[6])
  if ARGV[5] ~= epoch or after > top then gap = 'epoch-changed'
  elseif after + 1 < first then gap = 'history-too-short'
  else from = after + 1 end
elseif ARGV[4] == 'age' then
  local since = now - tonumber(ARGV[5])
  from = firstSince(since)
  if droppedUntil >= since then gap = 'history-too-short' end
elseif ARGV[4] == 'last' then
  local count = tonumber(ARGV[5])
  from = math.max(first, top - count + 1)
  if top - first + 1 < math.min(count, top) then gap = 'history-too-short' end
end

local found, bytes, left, maxBytes = {}, 0, tonumber(ARGV[7]), tonumber(ARGV[8])
while left > 0 and from <= top do
  local page = redis.call('XRANGE', KEYS[2], from .. '-0', '+', 'COUNT', math.min(left, 20))
  if #page == 0 then break end
  for _, entry in ipairs(page) do
    bytes = bytes + tonumber(entry[2][4])
    if bytes > maxBytes and #found > 0 then return {'history', epoch, top, gap, found} end
    found[#found + 1] = from
    found[#found + 1] = entry[2][2]
    found[#found + 1] = entry[2][6]
    from, left = from + 1, left - 1
  end
end
return {'history', epoch, top, gap, found}
