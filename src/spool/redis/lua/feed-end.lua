#!lua flags=no-writes
-- library: shard.lua
-- The number of the last entry of FEED.

local last = redis.call('XREVRANGE', FEED, '+', '-', 'COUNT', 1)[1]
return last and last[1] or '0-0'
