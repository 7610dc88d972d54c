-- Behind shard.lua, in scripts that take messages out: a script's work is limited, and so their events go in steps. What a
-- step leaves is noted in the tally, and goes first in the next one. The message itself is gone by then.

-- What may still be done; HDEL is given so many fields by `unpack`, which is limited.
local room = 1000

local function forgetEvents(id, fields)
  local left = math.max(fields - math.max(room, 0), 0)
  local names = {}
  for n = fields, left + 1, -1 do names[#names + 1] = fieldOf(id, n) end
  if #names > 0 then redis.call('HDEL', EVENTS, unpack(names)) end
  room = room - #names
  if left > 0 then
    redis.call('HSET', TALLY, 'forgetting', id .. ' ' .. left)
  else
    redis.call('HDEL', TALLY, 'forgetting')
  end
end

-- How many fields of events a message has; 0 where its record cannot be read.
local function fieldsIn(record)
  if not record or #record < struct.size(MESSAGE) then return 0 end
  local _, _, _, _, _, _, fields = struct.unpack(MESSAGE, record)
  return fields
end

-- The names under which providers have a message that goes.
local function forgetProviders(id)
  if redis.call('EXISTS', PROVIDERS) == 0 then return end
  local mine = 'm' .. id .. '\0'
  for _, member in ipairs(redis.call('ZRANGEBYLEX', PROVIDERS, '[' .. mine, '(m' .. id .. '\1')) do
    redis.call('ZREM', PROVIDERS, member, 'p' .. string.sub(member, #mine + 1) .. '\0' .. id)
  end
end

-- Goes on with what was left.
local function forgetRest()
  local id, fields = string.match(redis.call('HGET', TALLY, 'forgetting') or '', '^(%S+) (%d+)$')
  if id then forgetEvents(id, tonumber(fields)) end
end
