#!lua flags=allow-oom
-- Makes or replaces marks, each unless one was made later: KEYS[1] has their names, KEYS[2] by name the time and the text.

local NAMES, TEXTS = KEYS[1], KEYS[2]

for place = 1, #ARGV, 3 do
  local name, at, text = ARGV[place], ARGV[place + 1], ARGV[place + 2]
  local known = tonumber(string.match(redis.call('HGET', TEXTS, name) or '', '^(%S+) ') or '')
  if not known or tonumber(at) >= known then
    redis.call('HSET', TEXTS, name, at .. ' ' .. text)
    redis.call('ZADD', NAMES, 0, name)
  end
end
return 1
