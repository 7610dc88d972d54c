#!lua flags=allow-oom
-- Takes back what a holder has left over, and what it spent for nothing; at most what there is.

local WINDOW = KEYS[1]
local HOLDER, UNUSED, UNSPENT = 'of ' .. ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])

local block = redis.call('HGET', WINDOW, HOLDER)
if block then
  local left, untilMs = string.match(block, '^(%d+) (%d+)$')
  redis.call('HSET', WINDOW, HOLDER, string.format('%.0f', math.max(0, left - UNUSED)) .. ' ' .. untilMs)
end
local used = redis.call('HGET', WINDOW, 'used')
if used then redis.call('HSET', WINDOW, 'used', string.format('%.0f', math.max(0, used - UNSPENT))) end
return 1
