#!lua flags=allow-oom
-- library: shard.lua
-- Sets up the fence that fence.lua is (ON '1'), or takes it away.

local ON = ARGV[1]

if ON == '1' then redis.call('HSET', TALLY, 'moving', 1) else redis.call('HDEL', TALLY, 'moving') end
return 1
