#!lua flags=allow-oom
-- Takes a node out, where this life still has its name.

local NODES = KEYS[1]
local NAME, INSTANCE = ARGV[1], ARGV[2]

local value = redis.call('HGET', NODES, NAME)
if value and string.match(value, '^%d+ (%S+) ') == INSTANCE then redis.call('HDEL', NODES, NAME) end
return 1
