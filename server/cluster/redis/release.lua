-- Releases a name, unless another holder has it by now.
--
-- KEYS  1  the claim, see claim.lua    2  claims of the member: set    ARGV  1  holder
if redis.call('HGET', KEYS[1], 'holder') ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('SREM', KEYS[2], KEYS[1])
return 1
