#!lua flags=allow-oom
-- Counts AMOUNT towards one window of an account if LIMIT allows all of it. A window is a hash: `used`, and for each holder
-- of a block what it has left and until when.

local WINDOW = KEYS[1]
local AMOUNT, LIMIT, FORGET_MS = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]

local used = tonumber(redis.call('HGET', WINDOW, 'used') or '0')
if used + AMOUNT > LIMIT then return { 0, used } end
if AMOUNT > 0 then
  redis.call('HINCRBY', WINDOW, 'used', AMOUNT)
  redis.call('PEXPIRE', WINDOW, FORGET_MS)
end
return { 1, used + AMOUNT }
