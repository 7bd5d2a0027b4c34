-- Writes and deletes records, each only if it has the expected version.
--
-- KEYS  1  records: hash of id to "version dueAt text", dueAt "-" if it is never due
--       2  due: sorted set of ids by due time    3  names: sorted set of ids, all with score 0
--       4  counters: hash {version, bytes}       5  lease, see lease.lua
-- ARGV  1  fencing token, or "" for a write that needs no lease    2  records at most    3  bytes at most
--       4  channel to publish on    5  PUBLISH or SPUBLISH
--       then per write  id, expected version, cost of the new record, "set" or "delete", due time or "-", text
--
-- Returns  {"fenced"}: nothing is written, because the lease with this token is not held
--          one entry per write: the new version as a text, "conflict", "count" or "bytes" (a limit is reached)
--
-- The cost of a record is computed by the caller, and kept in the record's field "cost:id" of the counters.

local token = ARGV[1]
if token ~= '' and redis.call('HGET', KEYS[5], 'token') ~= token then return {'fenced'} end

local bytes = tonumber(redis.call('HGET', KEYS[4], 'bytes') or '0')
local answers, earliest = {}, nil
for at = 6, #ARGV, 6 do
  local id, expected, cost, verb, due, text = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2]), ARGV[at + 3], ARGV[at + 4],
    ARGV[at + 5]
  local current = redis.call('HGET', KEYS[1], id)
  local version = current and string.match(current, '^(%d+) ') or '0'
  local had = current and tonumber(redis.call('HGET', KEYS[4], 'cost:' .. id) or '0') or 0
  local answer
  if version ~= expected then
    answer = 'conflict'
  elseif verb == 'delete' then
    redis.call('HDEL', KEYS[1], id)
    redis.call('ZREM', KEYS[2], id)
    redis.call('ZREM', KEYS[3], id)
    redis.call('HDEL', KEYS[4], 'cost:' .. id)
    bytes = bytes - had
    answer = string.format('%.0f', redis.call('HINCRBY', KEYS[4], 'version', 1))
  elseif token == '' and not current and redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[2]) then
    answer = 'count'
  elseif token == '' and cost > had and bytes + cost - had > tonumber(ARGV[3]) then
    answer = 'bytes'
  else
    answer = string.format('%.0f', redis.call('HINCRBY', KEYS[4], 'version', 1))
    redis.call('HSET', KEYS[1], id, answer .. ' ' .. due .. ' ' .. text)
    redis.call('HSET', KEYS[4], 'cost:' .. id, cost)
    bytes = bytes + cost - had
    if not current then redis.call('ZADD', KEYS[3], 0, id) end
    if due == '-' then
      redis.call('ZREM', KEYS[2], id)
    else
      redis.call('ZADD', KEYS[2], due, id)
      if not earliest or tonumber(due) < tonumber(earliest) then earliest = due end
    end
  end
  answers[#answers + 1] = answer
end
redis.call('HSET', KEYS[4], 'bytes', string.format('%.0f', bytes))
if earliest then redis.call(ARGV[5], ARGV[4], 'due ' .. earliest) end
return answers
