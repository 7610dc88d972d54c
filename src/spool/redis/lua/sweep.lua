#!lua flags=allow-oom
-- library: suppression.lua
-- Takes out entries that ended by NOW, LIMIT at most; returns how many.

local NOW, LIMIT = ARGV[1], ARGV[2]

local keys = redis.call('ZRANGEBYSCORE', ENDS, '-inf', NOW, 'LIMIT', 0, LIMIT)
for _, key in ipairs(keys) do lift(key) end
return #keys
