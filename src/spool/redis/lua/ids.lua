#!lua flags=no-writes
-- library: shard.lua
-- Ids of messages, oldest first. MODE 'open': queued ones behind FROM. 'finished': by time of that, from rank FROM on.

local MODE, FROM, LIMIT = ARGV[1], ARGV[2], tonumber(ARGV[3])

if MODE == 'open' then return redis.call('ZRANGEBYLEX', QUEUE, FROM, '+', 'LIMIT', 0, LIMIT) end
return redis.call('ZRANGE', FINISHED, tonumber(FROM), tonumber(FROM) + LIMIT - 1)
