#!lua flags=allow-oom
-- library: shard.lua
-- Takes out some of what is stored (WHICH 'all': messages), or of what arrived; returns how many.
-- KEYS[12]: what arrived.

local WHICH, LIMIT = ARGV[1], tonumber(ARGV[2])
local ARRIVED = KEYS[12]

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
end

if WHICH == 'all' then
  local ids = redis.call('ZRANGE', QUEUE, 0, LIMIT - 1)
  if #ids == 0 then ids = redis.call('ZRANGE', FINISHED, 0, LIMIT - 1) end
  for _, id in ipairs(ids) do vanish(id) end
  return #ids
end

local some = redis.call('HRANDFIELD', ARRIVED, LIMIT, 'WITHVALUES')
for place = 1, #some, 2 do
  local kind, name = string.sub(some[place], 1, 1), string.sub(some[place], 2)
  if kind == 'm' then
    vanish(name)
  elseif kind == 'd' then
    redis.call('DEL', name)
  else
    if redis.call('HINCRBY', name, 'used', -tonumber(some[place + 1])) <= 0 then redis.call('DEL', name) end
  end
  redis.call('HDEL', ARRIVED, some[place])
end
return #some / 2
