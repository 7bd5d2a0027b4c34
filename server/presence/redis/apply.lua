-- Stores changes of the presences of one channel, and sends the events to all workers that watch the channel.
--
-- KEYS  1  position: "epoch position replid"
--       2  presences: hash of connection to "owner released id user\0since info"; released is 0 or 1, user may be empty
--       3  keys: sorted set of "user\0id\0connection", all with score 0
--       4  released presences: sorted set of "user\0connection", all with score 0
--       5  connections of the owner: set
-- ARGV  1  replid of this server     4  prefix of keys like 5, before the owner
--       2  epoch for a new channel   5  channel to publish on    6  PUBLISH or SPUBLISH
--       3  owner "name.generation"   7  how long the position of an empty channel is kept, ms
--       8  how many presences the channel may have
--       9  server time at which the owner expires, ms
--      10… the changes, one after the other:
--            "join", connection, the one it continues or "", 1 if it resumes, user or "", "since info", 1 if it has a place
--            "release", connection
--            "leave", connection
--
-- Returns  {the message, or "" if there are no events; the connections that are not listed: the channel is full, or they have no place}
--          {"late"}: nothing is stored, because the owner has expired. Nobody would remove presences that it stores now.
--
-- The message is "epoch time", and one line per event: "joined or left", position, count, id, "user\0since info".
-- If the record was written on another server (replid), later events may have been lost: the channel gets a new epoch.

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
if now >= tonumber(ARGV[9]) then return {'late'} end

local top = redis.call('GET', KEYS[1])
local epoch, position, replid
if top then epoch, position, replid = string.match(top, '^(%S+) (%d+) (%S+)$') end
if top and not epoch then return redis.error_reply('WRONGTYPE the position was written by another program') end
if replid ~= ARGV[1] then epoch, position = ARGV[2], 0 end
position = tonumber(position)

local events, unlisted = {}, {}
local function tell(kind, id, content)
  position = position + 1
  -- Not by %s: string.format ends at the zero in the content.
  events[#events + 1] = string.format('%s %.0f %.0f %s ', kind, position, redis.call('HLEN', KEYS[2]), id) .. content
end
local function find(connection)
  local text = redis.call('HGET', KEYS[2], connection)
  if not text then return nil end
  local owner, released, id, content = string.match(text, '^(%S+) (%d) (%S+) (.*)$')
  return { owner = owner, released = released, id = id, content = content, connection = connection,
    user = string.sub(content, 1, string.find(content, '\0', 1, true) - 1) }
end
local function forget(it)
  redis.call('HDEL', KEYS[2], it.connection)
  redis.call('ZREM', KEYS[3], it.user .. '\0' .. it.id .. '\0' .. it.connection)
  if it.released == '1' then redis.call('ZREM', KEYS[4], it.user .. '\0' .. it.connection) end
  redis.call('SREM', ARGV[4] .. it.owner, it.connection)
end
local function keep(connection, id, user, content)
  redis.call('HSET', KEYS[2], connection, ARGV[3] .. ' 0 ' .. id .. ' ' .. content)
  redis.call('ZADD', KEYS[3], 0, user .. '\0' .. id .. '\0' .. connection)
  redis.call('SADD', KEYS[5], connection)
end
local function succession(over, resumes, user)
  local it = over ~= '' and find(over)
  if it and it.user == user then return it end
  if user == '' and resumes ~= '1' then return nil end
  local found = redis.call('ZRANGEBYLEX', KEYS[4], '[' .. user .. '\0', '[' .. user .. '\0\255', 'LIMIT', 0, 1)
  return found[1] and find(string.sub(found[1], #user + 2))
end

-- Of two owners of one connection, both names of its worker, the one with the higher generation is the later one.
local function generation(owner) return tonumber(string.match(owner, '%.(%d+)$')) or 0 end

local at = 10
while ARGV[at] do
  local kind, connection = ARGV[at], ARGV[at + 1]
  local it = find(connection)
  if kind == 'join' then
    local user, content = ARGV[at + 4], ARGV[at + 4] .. '\0' .. ARGV[at + 5]
    local isLate = it and generation(it.owner) > generation(ARGV[3]) -- sent on a connection that has broken
    it = it or succession(ARGV[at + 2], ARGV[at + 3], user)
    if isLate then -- the worker has stored it again since
    elseif it then
      forget(it)
      keep(connection, it.id, it.user, it.content)
    elseif ARGV[at + 6] == '0' or redis.call('HLEN', KEYS[2]) >= tonumber(ARGV[8]) then
      unlisted[#unlisted + 1] = connection
    else
      local id = connection
      -- The id may be in use by a presence that began with this connection and that another one has taken over.
      local same = redis.call('ZRANGEBYLEX', KEYS[3], '[' .. user .. '\0' .. id .. '\0',
        '[' .. user .. '\0' .. id .. '\0\255', 'LIMIT', 0, 1)
      if same[1] then id = string.format('%s-%.0f', id, position + 1) end
      keep(connection, id, user, content)
      tell('joined', id, content)
    end
    at = at + 7
  else
    if it and kind == 'leave' then
      forget(it)
      tell('left', it.id, it.content)
    elseif it and it.released == '0' then
      redis.call('HSET', KEYS[2], connection, it.owner .. ' 1 ' .. it.id .. ' ' .. it.content)
      redis.call('ZADD', KEYS[4], 0, it.user .. '\0' .. connection)
    end
    at = at + 2
  end
end

local text = string.format('%s %.0f %s', epoch, position, ARGV[1])
if redis.call('EXISTS', KEYS[2]) == 1 then redis.call('SET', KEYS[1], text)
elseif top or position > 0 then redis.call('SET', KEYS[1], text, 'PX', ARGV[7]) end
if #events == 0 then return {'', unpack(unlisted)} end
local message = string.format('%s %.0f\n', epoch, now) .. table.concat(events, '\n')
redis.call(ARGV[6], ARGV[5], message)
return {message, unpack(unlisted)}
