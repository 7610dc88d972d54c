#!lua flags=no-writes
-- library: shard.lua
-- Some of what is counted by time and domain: the cursor with which to go on ('0': these were the last), pairs, and how many there are.

local found = redis.call('HSCAN', SHAPE, ARGV[1], 'COUNT', 300)
return { found[1], found[2], redis.call('HLEN', SHAPE) }
