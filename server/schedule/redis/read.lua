-- Reads records by id, by name or by due time, up to a size.
--
-- KEYS  1  records    2  due    3  names: see write.lua
-- ARGV  1  bytes at most, but one record at least
--       2  "id"    3…  ids
--       2  "name"  3  smallest name    4  largest name (as ZRANGEBYLEX takes them)    5  records at most
--       2  "due"   3  due until        4  records at most
--
-- Returns  {due time of the next record that is not in the answer, or "-", id, "version dueAt text", id, …}

local by, ids, more = ARGV[2], {}, nil
if by == 'id' then
  for at = 3, #ARGV do ids[#ids + 1] = ARGV[at] end
elseif by == 'name' then
  ids = redis.call('ZRANGEBYLEX', KEYS[3], ARGV[3], ARGV[4], 'LIMIT', 0, ARGV[5])
else
  ids = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', ARGV[3], 'LIMIT', 0, ARGV[4])
  local following = redis.call('ZRANGE', KEYS[2], #ids, #ids)
  more = following[1]
end

local answer, bytes = {'-'}, 0
for _, id in ipairs(ids) do
  local record = redis.call('HGET', KEYS[1], id)
  if record then
    bytes = bytes + #record
    if bytes > tonumber(ARGV[1]) and #answer > 1 then
      more = id
      break
    end
    answer[#answer + 1] = id
    answer[#answer + 1] = record
  end
end
if by == 'due' and more then answer[1] = redis.call('ZSCORE', KEYS[2], more) or '-' end
return answer
