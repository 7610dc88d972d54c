#!lua flags=no-writes
-- library: shard.lua
-- The shard's figures; the last is when the oldest queued message was received, '' for none.

local oldest = ''
local first = redis.call('ZRANGE', QUEUE, 0, 0)[1]
local record = first and redis.call('HGET', MESSAGES, first)
if record then
  local _, _, _, received = struct.unpack(MESSAGE, record)
  oldest = string.format('%.0f', received)
end
local tally = redis.call('HMGET', TALLY, 'held', 'quarantined', 'high', 'low', 'bytes')
return {
  redis.call('ZCARD', QUEUE), redis.call('HLEN', DELIVERIES), redis.call('ZCARD', LEASES),
  tally[1] or '0', tally[2] or '0', tally[3] or '0', tally[4] or '0', tally[5] or '0', oldest,
}
