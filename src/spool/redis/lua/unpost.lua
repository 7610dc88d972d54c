#!lua flags=allow-oom
-- Takes marks away, by name.

local NAMES, TEXTS = KEYS[1], KEYS[2]

for _, name in ipairs(ARGV) do
  redis.call('ZREM', NAMES, name)
  redis.call('HDEL', TEXTS, name)
end
return 1
