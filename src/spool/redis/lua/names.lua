#!lua flags=no-writes
-- Some names in order, from one end to the other.

local NAMES = KEYS[1]
local FROM, TO, LIMIT = ARGV[1], ARGV[2], ARGV[3]

return redis.call('ZRANGEBYLEX', NAMES, FROM, TO, 'LIMIT', 0, LIMIT)
