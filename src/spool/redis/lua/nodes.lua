#!lua flags=no-writes
-- All nodes, name and value (beat.lua).

return redis.call('HGETALL', KEYS[1])
