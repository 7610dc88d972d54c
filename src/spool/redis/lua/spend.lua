#!lua flags=allow-oom
-- Moves AMOUNT from a holder's block to what was spent; 0 when the block has not so much left.

local WINDOW = KEYS[1]
local HOLDER, AMOUNT = 'of ' .. ARGV[1], tonumber(ARGV[2])

local left, untilMs = string.match(redis.call('HGET', WINDOW, HOLDER) or '0 0', '^(%d+) (%d+)$')
if tonumber(left) < AMOUNT then return 0 end
redis.call('HSET', WINDOW, HOLDER, string.format('%.0f', left - AMOUNT) .. ' ' .. untilMs)
redis.call('HINCRBY', WINDOW, 'used', AMOUNT)
return 1
