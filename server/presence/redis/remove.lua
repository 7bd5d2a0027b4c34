-- Removes some of the presences of one owner in one channel, and sends the events. Any worker may run it, also concurrently.
--
-- KEYS  1 to 5  as in apply.lua; 5 is the set of this owner
-- ARGV  1  replid of this server     4  channel to publish on    5  PUBLISH or SPUBLISH
--       2  epoch for a new channel   6  how long the position of an empty channel is kept, ms
--       3  owner                     7  how many to remove at most
--
-- Returns  {1 if there is more to do, the message or ""}

local connections = redis.call('SPOP', KEYS[5], ARGV[7])
local top = redis.call('GET', KEYS[1])
local epoch, position, replid
if top then epoch, position, replid = string.match(top, '^(%S+) (%d+) (%S+)$') end
if replid ~= ARGV[1] then epoch, position = ARGV[2], 0 end
position = tonumber(position)

local events, message = {}, ''
for _, connection in ipairs(connections) do
  local text = redis.call('HGET', KEYS[2], connection)
  local owner, id, content
  if text then owner, _, id, content = string.match(text, '^(%S+) (%d) (%S+) (.*)$') end
  if owner == ARGV[3] then
    local user = string.sub(content, 1, string.find(content, '\0', 1, true) - 1)
    redis.call('HDEL', KEYS[2], connection)
    redis.call('ZREM', KEYS[3], user .. '\0' .. id .. '\0' .. connection)
    redis.call('ZREM', KEYS[4], user .. '\0' .. connection)
    position = position + 1
    -- Not by %s: string.format ends at the zero in the content.
    events[#events + 1] = string.format('left %.0f %.0f %s ', position, redis.call('HLEN', KEYS[2]), id) .. content
  end
end
if #events > 0 then
  local text = string.format('%s %.0f %s', epoch, position, ARGV[1])
  if redis.call('EXISTS', KEYS[2]) == 1 then redis.call('SET', KEYS[1], text)
  else redis.call('SET', KEYS[1], text, 'PX', ARGV[6]) end
  local clock = redis.call('TIME')
  local now = string.format('%.0f', clock[1] * 1000 + math.floor(clock[2] / 1000))
  message = epoch .. ' ' .. now .. '\n' .. table.concat(events, '\n')
  redis.call(ARGV[5], ARGV[4], message)
end
return {redis.call('EXISTS', KEYS[5]), message}
