#!lua
-- The form in which a spool is kept: set by whoever opens it first, read by all that come after.

local FORMAT = KEYS[1]
local FRESH = ARGV[1]

redis.call('SET', FORMAT, FRESH, 'NX')
return redis.call('GET', FORMAT)
