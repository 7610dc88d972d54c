#!lua flags=allow-oom
-- library: shard.lua
-- Somebody follows the history of all messages: from now on each event is written to FEED, too.

local NOW = ARGV[1]

redis.call('HSET', TALLY, 'feed', NOW)
return 1
