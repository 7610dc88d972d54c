#!lua flags=allow-oom
-- library: shard.lua, forget.lua, tallied.lua
-- Takes out some of what is stored (WHICH 'all': messages), or of what arrived; returns how many, 0: nothing is left.
-- KEYS[16]: what arrived.

local WHICH, LIMIT = ARGV[1], tonumber(ARGV[2])
local ARRIVED = KEYS[16]

local function vanish(id)
  local record = redis.call('HGET', MESSAGES, id)
  if not record then return end
  local _, total, open, _, _, size = struct.unpack(MESSAGE, record)
  for ordinal = 1, open > 0 and total or 0 do
    local name = id .. '.' .. ordinal
    local delivery = redis.call('HGET', DELIVERIES, name)
    if delivery then replace(name, parseDelivery(delivery), nil) end
  end
  redis.call('HDEL', MESSAGES, id)
  redis.call('HDEL', CONTENTS, id)
  redis.call('ZREM', FINISHED, id)
  if redis.call('ZREM', QUEUE, id) == 1 then count('bytes', -size) end
  room = room - (open > 0 and total or 0)
  forgetProviders(id, record)
  local fields = fieldsIn(record)
  if fields > 0 then forgetEvents(id, fields) end
end

-- A mark goes, or what it took the place of comes back (repost.lua).
local function restore(arrival, before)
  local names, texts, name = string.match(arrival, '^(%Z*)%z(%Z*)%z(.*)$')
  if before ~= '' then
    redis.call('HSET', texts, name, before)
  else
    redis.call('HDEL', texts, name)
    redis.call('ZREM', names, name)
  end
end

-- An entry goes, or what it took the place of comes back, by a new number (suppression.lua, resuppress.lua).
local function unsuppress(key, before)
  local stem = string.sub(MESSAGES, 1, -#'messages' - 1)
  local entries, order = stem .. 'suppressions', stem .. 'suppression-order'
  local numbers, ends = stem .. 'suppression-numbers', stem .. 'suppression-ends'
  redis.call('ZREM', ends, key)
  if before == '' then
    redis.call('HDEL', entries, key)
    redis.call('ZREM', order, key)
    redis.call('ZREM', numbers, key)
    return
  end
  redis.call('HSET', entries, key, before)
  redis.call('ZADD', numbers, redis.call('HINCRBY', entries, '', 1), key)
  local until_ = string.match(before, '^%S+ (%S*) ')
  if until_ ~= '' then redis.call('ZADD', ends, until_, key) end
end

-- A figure is what it was before (retally.lua); the name of an account that has none goes with time.
local function subtract(arrival, amount)
  local figures, start = string.match(arrival, '^(%Z*)%z(.*)$')
  local member, sum, keep = figureOf(figures, start)
  if not member then return end
  redis.call('ZREM', figures, member)
  if sum ~= amount then redis.call('ZADD', figures, start, string.format('%s %.0f %.0f', start, sum - amount, keep)) end
end

forgetRest()
if room <= 0 then return 1 end
local gone = 0

if WHICH == 'all' then
  local ids = redis.call('ZRANGE', QUEUE, 0, LIMIT - 1)
  if #ids == 0 then ids = redis.call('ZRANGE', FINISHED, 0, LIMIT - 1) end
  for _, id in ipairs(ids) do
    if room <= 0 then break end
    vanish(id)
    gone = gone + 1
  end
  return gone
end

local some = redis.call('HRANDFIELD', ARRIVED, LIMIT, 'WITHVALUES')
for place = 1, #some, 2 do
  if room <= 0 then break end
  local kind, name = string.sub(some[place], 1, 1), string.sub(some[place], 2)
  if kind == 'm' then
    vanish(name)
  elseif kind == 'd' then
    redis.call('DEL', name)
  elseif kind == 'k' then
    restore(name, some[place + 1])
  elseif kind == 's' then
    unsuppress(name, some[place + 1])
  elseif kind == 'f' then
    subtract(name, tonumber(some[place + 1]))
  else
    if redis.call('HINCRBY', name, 'used', -tonumber(some[place + 1])) <= 0 then redis.call('DEL', name) end
  end
  redis.call('HDEL', ARRIVED, some[place])
  gone = gone + 1
end
return gone
