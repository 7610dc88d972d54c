#!lua flags=allow-oom
-- Takes the name of a node for one life of it, or keeps it; forgets nodes that have been gone for long. Answers 'taken' and
-- who has it, or 'up' and all nodes, name and value; before those the server's time, ms.
-- A value: when it ends, the life, what that says of itself.

local NODES = KEYS[1]
local time = redis.call('TIME')
local SERVER_MS = string.format('%.0f', time[1] * 1000 + time[2] / 1000)
local NAME, INSTANCE, FACTS = ARGV[1], ARGV[2], ARGV[3]
local NOW, UNTIL, FORGET_BEFORE, REPLACES = tonumber(ARGV[4]), ARGV[5], tonumber(ARGV[6]), ARGV[7]

local function partsOf(value)
  local untilMs, instance = string.match(value, '^(%d+) (%S+) ')
  return tonumber(untilMs), instance
end

local old = redis.call('HGET', NODES, NAME)
if old then
  local untilMs, instance = partsOf(old)
  if instance ~= INSTANCE and instance ~= REPLACES and untilMs > NOW then return { 'taken', SERVER_MS, NAME, old } end
end
redis.call('HSET', NODES, NAME, UNTIL .. ' ' .. INSTANCE .. ' ' .. FACTS)

local known = { 'up', SERVER_MS }
local fields = redis.call('HGETALL', NODES)
for place = 1, #fields, 2 do
  if partsOf(fields[place + 1]) < FORGET_BEFORE then
    redis.call('HDEL', NODES, fields[place])
  else
    known[#known + 1] = fields[place]
    known[#known + 1] = fields[place + 1]
  end
end
return known
