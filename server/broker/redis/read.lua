-- Reads a page of a channel's history, oldest first, limited by number and by cost.
--
-- KEYS  1  record of the channel    2  its messages, see publish.lua
-- ARGV  1  replid of this server
--       2  epoch for a new channel
--       3  how long the record outlives its messages, ms
--       4  where to begin: "position", "earliest", "age" or "last"
--       5  the epoch of the position, the age in ms, or how many of the last
--       6  the offset of the position
--       7  publications at most         8  cost at most, bytes; the first publication is returned whatever its cost
--       9  publications that the channel keeps, 10  their age limit in ms, and 11  their cost: smaller than the limits at the last
--          publication if the settings have changed since
--
-- Returns  {"history", epoch, top, gap, {offset, time, text, offset, time, text, …}}
--          gap is "", "epoch-changed" or "history-too-short"
--          {"life", epoch, top, replid}: the record was written under this other replication id (replid)

local record = redis.call('GET', KEYS[1])
if not record then
  redis.call('XLEN', KEYS[2]) -- fails if the key belongs to another program
  redis.call('DEL', KEYS[2]) -- messages without a record are leftovers
  record = ARGV[2] .. ' 0 ' .. ARGV[1] .. ' -1 0 0 0 0 0'
  redis.call('SET', KEYS[1], record, 'PX', ARGV[3])
end
local epoch, top, replid, newest, total, maxAge =
  string.match(record, '^(%S+) (%d+) (%S+) (%S+) %S+ %S+ (%S+) (%S+)')
if not epoch then return redis.error_reply('WRONGTYPE the record was written by another program') end
top, newest, total, maxAge = tonumber(top), tonumber(newest), tonumber(total), tonumber(maxAge)
if replid ~= ARGV[1] then return {'life', epoch, top, replid} end

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local kept = top - redis.call('XLEN', KEYS[2]) + 1
local oldest = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1)[1]
if oldest and oldest[1] ~= string.format('%.0f-0', kept) then
  redis.call('DEL', KEYS[2]) -- another program has deleted messages: the rest has holes that cannot be announced
  kept = top + 1
end

-- The time of a message, the time of the message before it, and the costs of all before it.
local function look(offset)
  local fields = redis.call('XRANGE', KEYS[2], offset .. '-0', offset .. '-0')[1][2]
  return tonumber(fields[2]), tonumber(fields[4]), tonumber(fields[6])
end

-- The first kept offset whose time is not before `time`, or top + 1.
local function firstSince(time)
  local low, high = kept, top + 1
  while low < high do
    local middle = math.floor((low + high) / 2)
    if look(middle) < time then low = middle + 1 else high = middle end
  end
  return low
end

-- Messages beyond a limit stay until a publication trims them or the key expires. They are not returned.
local first = math.max(firstSince(now - math.min(maxAge, tonumber(ARGV[10]))), top - tonumber(ARGV[9]) + 1)
local mostCost = tonumber(ARGV[11])
local droppedUntil = newest
if first <= top then
  local _, before, costs = look(first)
  if total - costs > mostCost then
    local low, high = first + 1, top + 1
    while low < high do
      local middle = math.floor((low + high) / 2)
      local _, _, costsBefore = look(middle)
      if total - costsBefore > mostCost then low = middle + 1 else high = middle end
    end
    first = low
    before = newest
    if first <= top then _, before = look(first) end
  end
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
    -- The costs up to this message: the costs before the next one, or the total after the last one.
    local costs = page[at + 1] and tonumber(page[at + 1][2][6]) or total
    if costs - begin > maxCost and #found > 0 then return {'history', epoch, top, gap, found} end
    found[#found + 1] = from
    found[#found + 1] = fields[2]
    found[#found + 1] = fields[8]
    from, left = from + 1, left - 1
  end
end
return {'history', epoch, top, gap, found}
