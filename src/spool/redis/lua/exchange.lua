#!lua flags=allow-oom
-- Makes marks and takes others away, all or none: only while some are as they were read. Returns 1: it was done.
-- ARGV: how many were read, of each its name, '=' and its text ('-' and '': there was none); how many are made, of each its
-- name, time and text; the names of those that go.

local NAMES, TEXTS = KEYS[1], KEYS[2]

local place = 2
for _ = 1, tonumber(ARGV[1]) do
  local name, is, text = ARGV[place], ARGV[place + 1], ARGV[place + 2]
  local known = redis.call('HGET', TEXTS, name)
  if (is == '=') ~= (known ~= false) then return 0 end
  if known and string.sub(known, string.find(known, ' ', 1, true) + 1) ~= text then return 0 end
  place = place + 3
end

local made = tonumber(ARGV[place])
place = place + 1
for _ = 1, made do
  redis.call('HSET', TEXTS, ARGV[place], ARGV[place + 1] .. ' ' .. ARGV[place + 2])
  redis.call('ZADD', NAMES, 0, ARGV[place])
  place = place + 3
end

for at = place, #ARGV do
  redis.call('ZREM', NAMES, ARGV[at])
  redis.call('HDEL', TEXTS, ARGV[at])
end
return 1
