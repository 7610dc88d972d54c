#!lua flags=no-writes
-- library: shard.lua
-- Leases that ended before BEFORE ('+inf': all), by time: delivery, record, message.

local BEFORE, SKIP, LIMIT = ARGV[1], ARGV[2], ARGV[3]

local found = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', LEASES, '-inf', '(' .. BEFORE, 'LIMIT', SKIP, LIMIT)) do
  local message = redis.call('HGET', MESSAGES, string.sub(id, 1, 26))
  found[#found + 1] = { id, redis.call('HGET', DELIVERIES, id), headOf(message or '') }
end
return found
