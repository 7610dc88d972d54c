#!lua flags=allow-oom
-- Takes the keys away.

return redis.call('UNLINK', unpack(KEYS))
