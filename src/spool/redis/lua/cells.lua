#!lua flags=no-writes
-- library: shard.lua
-- Some of what is counted by time and domain, as pairs, and the cursor with which to go on; '0': these were the last.

return redis.call('HSCAN', SHAPE, ARGV[1], 'COUNT', 1000)
