-- A page of the presences of one channel.
--
-- KEYS  1 to 3  as in apply.lua
-- ARGV  1  lower end of the keys, as ZRANGEBYLEX takes it    2  how many at most
--
-- Returns  {"epoch position replid" or "", count, {"id user\0since info", …}}

local found = tonumber(ARGV[2]) == 0 and {} or redis.call('ZRANGEBYLEX', KEYS[3], ARGV[1], '+', 'LIMIT', 0, ARGV[2])
local page = {}
for _, key in ipairs(found) do
  local connection = string.match(key, '([^%z]*)$')
  local text = redis.call('HGET', KEYS[2], connection)
  page[#page + 1] = string.match(text, '^%S+ %d (.*)$')
end
return {redis.call('GET', KEYS[1]) or '', redis.call('HLEN', KEYS[2]), page}
