#!lua flags=allow-oom
-- library: shard.lua, fence.lua
-- Forgets messages that finished before BEFORE, LIMIT of them; returns how many.

local BEFORE, LIMIT = ARGV[1], ARGV[2]

local ids = redis.call('ZRANGEBYSCORE', FINISHED, '-inf', '(' .. BEFORE, 'LIMIT', 0, LIMIT)
for _, id in ipairs(ids) do
  redis.call('HDEL', MESSAGES, id)
  redis.call('ZREM', FINISHED, id)
end
return #ids
