#!lua
-- A digest (KIND 'd') or what was drawn in a window ('c'), as another store knew it, and that it arrived.
-- KEYS[2]: what arrived.

local KEY, ARRIVED = KEYS[1], KEYS[2]
-- VALUE: of a digest until when it counts; of a window what was drawn.
local KIND, VALUE, FORGET_MS, ID = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

if KIND == 'd' then
  local known = redis.call('GET', KEY)
  local past = known and tonumber(string.match(known, '^.(%d+)'))
  if past and past >= tonumber(VALUE) then return 'known' end
  redis.call('SET', KEY, '=' .. VALUE .. ' 0 ' .. ID, 'PX', FORGET_MS)
  redis.call('HSET', ARRIVED, KIND .. KEY, '')
  return 'written'
end
if redis.call('HEXISTS', ARRIVED, KIND .. KEY) == 1 then return 'known' end
redis.call('HINCRBY', KEY, 'used', VALUE)
redis.call('PEXPIRE', KEY, FORGET_MS)
redis.call('HSET', ARRIVED, KIND .. KEY, VALUE)
return 'written'
