#!lua flags=allow-oom
-- Grants a holder what the limit has room for, up to WANTED more; blocks of others whose time is over return first.
-- The holders are the processes that live, and those that died since somebody asked last.

local WINDOW = KEYS[1]
local HOLDER, WANTED, LIMIT = 'of ' .. ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local NOW, UNTIL, FORGET_MS = tonumber(ARGV[4]), ARGV[5], ARGV[6]

local elsewhere, mine = 0, 0
local fields = redis.call('HGETALL', WINDOW)
for place = 1, #fields, 2 do
  local name, value = fields[place], fields[place + 1]
  local left, untilMs = string.match(value, '^(%d+) (%d+)$')
  if name == 'used' then
    elsewhere = elsewhere + tonumber(value)
  elseif name == HOLDER then
    mine = tonumber(left)
  elseif tonumber(untilMs) < NOW then
    redis.call('HDEL', WINDOW, name)
  else
    elsewhere = elsewhere + tonumber(left)
  end
end
local left = math.min(mine + WANTED, math.max(0, LIMIT - elsewhere))
if left > 0 then
  redis.call('HSET', WINDOW, HOLDER, string.format('%.0f', left) .. ' ' .. UNTIL)
  redis.call('PEXPIRE', WINDOW, FORGET_MS)
else
  redis.call('HDEL', WINDOW, HOLDER)
end
return { left, elsewhere + left }
