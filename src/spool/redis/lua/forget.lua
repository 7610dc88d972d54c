-- Behind shard.lua, in scripts that take messages out: a script's work is limited, and so their events go in steps. What a
-- step leaves is noted in the tally, and goes first in the next one. The message itself is gone by then.

-- What may still be done; HDEL is given so many fields by `unpack`, which is limited.
local room = 1000

-- The names under which providers have a message that goes, as its events tell them (provider-ids.ts).
local function forgetProviders(id, events)
  if not string.find(events, '"providerId":', 1, true) then return end
  for line in string.gmatch(events, '[^\n]+') do
    local isRead, event = pcall(cjson.decode, line)
    local attempt = isRead and type(event) == 'table' and event.attempt
    local names = type(attempt) == 'table' and attempt.providerId
    for name in string.gmatch(type(names) == 'string' and names or '', '%S+') do
      redis.call('ZREM', PROVIDERS, (string.match(name, '^<(.+)>$') or name) .. '\0' .. id)
    end
  end
end

local function forgetEvents(id, fields)
  local left = math.max(fields - math.max(room, 0), 0)
  local names = {}
  for n = fields, left + 1, -1 do names[#names + 1] = fieldOf(id, n) end
  if #names > 0 and redis.call('EXISTS', PROVIDERS) == 1 then
    for _, events in ipairs(redis.call('HMGET', EVENTS, unpack(names))) do forgetProviders(id, events or '') end
  end
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

-- Goes on with what was left.
local function forgetRest()
  local id, fields = string.match(redis.call('HGET', TALLY, 'forgetting') or '', '^(%S+) (%d+)$')
  if id then forgetEvents(id, tonumber(fields)) end
end
