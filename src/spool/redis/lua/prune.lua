#!lua flags=allow-oom
-- library: shard.lua, fence.lua, forget.lua
-- Forgets messages that finished before BEFORE, LIMIT of them at most; returns how many, and whether (1) events of one are left.

local BEFORE, LIMIT = ARGV[1], ARGV[2]

forgetRest()
local forgotten = 0
for _, id in ipairs(redis.call('ZRANGEBYSCORE', FINISHED, '-inf', '(' .. BEFORE, 'LIMIT', 0, LIMIT)) do
  if room <= 0 then break end
  local fields = fieldsIn(redis.call('HGET', MESSAGES, id))
  redis.call('HDEL', MESSAGES, id)
  redis.call('ZREM', FINISHED, id)
  forgetProviders(id)
  if fields > 0 then forgetEvents(id, fields) end
  forgotten = forgotten + 1
end
return { forgotten, redis.call('HEXISTS', TALLY, 'forgetting') }
