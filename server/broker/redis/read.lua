-- A stretch of a channel's history, oldest first, bounded by number and by cost.
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

local record = redis.call('GET', KEYS[1])
if not record then
  redis.call('XLEN', KEYS[2]) -- fails where the key is another program's
  redis.call('DEL', KEYS[2]) -- messages without a record belong to nobody
  record = ARGV[2] .. ' 0 ' .. ARGV[1] .. ' -1 0 0 0 0 0'
  redis.call('SET', KEYS[1], record, 'PX', ARGV[3])
end
local epoch, top, life, newest, total, maxAge =
  string.match(record, '^(%S+) (%d+) (%S+) (%S+) %S+ %S+ (%S+) (%S+)')
if not epoch then return redis.error_reply('WRONGTYPE the record was written by another program') end
top, newest, total, maxAge = tonumber(top), tonumber(newest), tonumber(total), tonumber(maxAge)
if life ~= ARGV[1] then return {'life', epoch, top, life} end

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local kept = top - redis.call('XLEN', KEYS[2]) + 1

-- Time, time of the one before, and costs before it.
local function look(offset)
  local fields = redis.call('XRANGE', KEYS[2], offset .. '-0', offset .. '-0')[1][2]
  return tonumber(fields[2]), tonumber(fields[4]), tonumber(fields[6])
end

-- The first kept offset whose time is not before `time`; top + 1 where there is none.
local function firstSince(time)
  local low, high = kept, top + 1
  while low < high do
    local middle = math.floor((low + high) / 2)
    if look(middle) < time then low = middle + 1 else high = middle end
  end
  return low
end

-- What is too old is there until a publication trims it or it expires, and is not answered.
local first = firstSince(now - maxAge)
local droppedUntil = newest
if first <= top then
  local _, before = look(first)
  droppedUntil = before
end

local from, gap = first, ''
if ARGV[4] == 'position' then
  local after = tonumber(ARGV[6])
  if ARGV[5] ~= epoch or after > top then gap = 'epoch-changed'
  elseif after + 1 < first then gap = 'history-too-short'
  else from = after + 1 end
elseif ARGV[4] == 'age' then
  local since = now - tonumber(ARGV[5])
  from = math.max(first, firstSince(since))
  if droppedUntil >= since then gap = 'history-too-short' end
elseif ARGV[4] == 'last' then
  local count = tonumber(ARGV[5])
  from = math.max(first, top - count + 1)
  if top - first + 1 < math.min(count, top) then gap = 'history-too-short' end
end

local found, left, maxCost = {}, tonumber(ARGV[7]), tonumber(ARGV[8])
local begin = nil
while left > 0 and from <= top do
  local page = redis.call('XRANGE', KEYS[2], from .. '-0', '+', 'COUNT', math.min(left, 20) + 1)
  if #page == 0 then break end
  for at = 1, math.min(#page, math.min(left, 20)) do
    local fields = page[at][2]
    begin = begin or tonumber(fields[6])
    -- The costs before the next one, or of all, are the costs up to this one.
    local costs = page[at + 1] and tonumber(page[at + 1][2][6]) or total
    if costs - begin > maxCost and #found > 0 then return {'history', epoch, top, gap, found} end
    found[#found + 1] = from
    found[#found + 1] = fields[2]
    found[#found + 1] = fields[8]
    from, left = from + 1, left - 1
  end
end
return {'history', epoch, top, gap, found}
