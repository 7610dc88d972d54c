#!lua
-- library: shard.lua, fence.lua
-- Adds events to the history of a message that is known; 0 when it is not.

local ID, EVENTS = ARGV[1], ARGV[2]

if redis.call('HEXISTS', MESSAGES, ID) == 0 then return 0 end
tell(ID, EVENTS, false, 0)
return 1
