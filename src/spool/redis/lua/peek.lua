#!lua flags=no-writes
-- library: shard.lua
-- Who waits, lane and client, those that wait longest first: LIMIT of a priority from the rank START.

local PRIORITY, START, LIMIT = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])

return redis.call('ZRANGE', LANES[PRIORITY + 1], START, START + LIMIT - 1, 'WITHSCORES')
