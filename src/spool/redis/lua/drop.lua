#!lua flags=allow-oom
-- Takes the keys away.

return redis.call('DEL', unpack(KEYS))
