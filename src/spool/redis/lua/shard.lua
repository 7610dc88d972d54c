-- In front of every script that works on a shard: its keys by name, and every way in which a delivery changes.
-- All writing goes through `replace`, so that records, indexes and counters always agree.
-- The records are described in records.ts, the keys in keys.ts.

local MESSAGES, DELIVERIES, CONTENTS, QUEUE, LEASES = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local FINISHED, TALLY, READY = KEYS[6], KEYS[7], KEYS[8]
-- By priority + 1.
local LANES = { KEYS[9], KEYS[10], KEYS[11] }
local EVENTS, PROVIDERS, FEED, SHAPE = KEYS[12], KEYS[13], KEYS[14], KEYS[15]

local DELIVERY = '>BBI4I4dddssss'
local MESSAGE = '>BI4I4ddI4I4'
-- What is written to a message each time must not grow with its history: a record that would get longer keeps no more events.
local RECORD_BYTES = 1500
local STATE_TALLIES = { [1] = 'held', [2] = 'quarantined' }
local PRIORITY_TALLIES = { [0] = 'high', [2] = 'low' }

local function parseDelivery(record)
  local d = {}
  local rest
  d.state, d.priority, d.token, d.attempts, d.due, d.lease, d.warned, d.node, d.domain, d.client, d.egress, rest =
    struct.unpack(DELIVERY, record)
  d.rest = string.sub(record, rest)
  return d
end

local function formatDelivery(d)
  return struct.pack(DELIVERY, d.state, d.priority, d.token, d.attempts, d.due, d.lease, d.warned, d.node, d.domain,
    d.client, d.egress) .. d.rest
end

local function digits(due)
  return string.format('%014.0f', due)
end

-- Where it waits: in the lane of its destination, or beside it for the node that it was handed back for.
local function laneOf(d)
  return (d.node or '') == '' and d.domain or d.domain .. '@' .. d.node
end

local function memberOf(id, d)
  return d.priority .. laneOf(d) .. '\0' .. d.client .. '\0' .. digits(d.due) .. '\0' .. id
end

-- Waiting to be claimed: nothing in the way, and nobody trying it.
local function isReady(d)
  return d.state == 0 and d.lease == 0
end

-- Sets the time of a client's turn in a lane right; returns it, nil when nothing waits there.
local function mend(d)
  local pair = laneOf(d) .. '\0' .. d.client
  local range = d.priority .. pair
  local first = redis.call('ZRANGEBYLEX', READY, '[' .. range .. '\0', '(' .. range .. '\1', 'LIMIT', 0, 1)[1]
  if not first then
    redis.call('ZREM', LANES[d.priority + 1], pair)
    return nil
  end
  local due = tonumber(string.sub(first, #range + 2, #range + 15))
  redis.call('ZADD', LANES[d.priority + 1], due, pair)
  return due
end

local function count(name, change)
  if name then redis.call('HINCRBY', TALLY, name, change) end
end

-- Deliveries are counted by destination and by a stretch of time: the first digits of the id, which begins with when the message
-- was made (shape.ts).
local function cellOf(id, domain)
  return string.sub(id, 1, 7) .. ' ' .. domain
end

-- One less; false where none was counted.
local function uncount(cell)
  local left = redis.call('HINCRBY', SHAPE, cell, -1)
  if left <= 0 then redis.call('HDEL', SHAPE, cell) end
  return left >= 0
end

-- Takes it from where it was counted: what is long over was poured into longer stretches (pour.lua), quarters of 32 digits among them.
local function uncountDelivery(id, domain)
  if uncount(cellOf(id, domain)) then return end
  for digits = 6, 5, -1 do
    local place = string.find('0123456789ABCDEFGHJKMNPQRSTVWXYZ', string.sub(id, digits + 1, digits + 1), 1, true) or 1
    local quarter = string.sub('aaaaaaaabbbbbbbbccccccccdddddddd', place, place)
    local start = string.sub(id, 1, digits)
    if uncount(start .. quarter .. ' ' .. domain) or uncount(start .. ' ' .. domain) then return end
  end
end

-- A new delivery enters the indexes.
local function enter(id, d)
  redis.call('HINCRBY', SHAPE, cellOf(id, d.domain), 1)
  if d.lease > 0 then
    redis.call('ZADD', LEASES, d.lease, id)
  elseif d.state == 0 then
    redis.call('ZADD', READY, 0, memberOf(id, d))
    -- Whatever comes to a lane can only make it earlier.
    redis.call('ZADD', LANES[d.priority + 1], 'LT', d.due, laneOf(d) .. '\0' .. d.client)
  end
  count(STATE_TALLIES[d.state], 1)
  count(PRIORITY_TALLIES[d.priority], 1)
end

-- Puts `new` in the place of `old`; nil: the delivery ends.
local function replace(id, old, new)
  local wasReady = isReady(old)
  if wasReady then redis.call('ZREM', READY, memberOf(id, old)) end
  if old.lease > 0 and not (new and new.lease > 0) then redis.call('ZREM', LEASES, id) end
  if not new then
    redis.call('HDEL', DELIVERIES, id)
    uncountDelivery(id, old.domain)
    count(STATE_TALLIES[old.state], -1)
    count(PRIORITY_TALLIES[old.priority], -1)
  else
    redis.call('HSET', DELIVERIES, id, formatDelivery(new))
    if new.lease > 0 and new.lease ~= old.lease then redis.call('ZADD', LEASES, new.lease, id) end
    if new.state ~= old.state then
      count(STATE_TALLIES[old.state], -1)
      count(STATE_TALLIES[new.state], 1)
    end
    if isReady(new) then
      redis.call('ZADD', READY, 0, memberOf(id, new))
      if not wasReady then redis.call('ZADD', LANES[new.priority + 1], 'LT', new.due, laneOf(new) .. '\0' .. new.client) end
    end
  end
  if wasReady then mend(old) end
end

-- The n-th field of a message's events.
local function fieldOf(messageId, n)
  return messageId .. ':' .. n
end

-- What providers call a message, with a space between two; '': nothing. It is in the events, too: forget.lua.
local function index(messageId, providerIds)
  for id in string.gmatch(providerIds, '%S+') do
    redis.call('ZADD', PROVIDERS, 0, id .. '\0' .. messageId)
  end
end

-- Where somebody follows the history of all, each event gets an entry in FEED: the message, the field that it is in (0: the
-- record), and which line of it. Entries are numbered by the times of their events, which never go back.
-- `before`: the text that the field had.
local function follow(messageId, field, before, events, at)
  if redis.call('HEXISTS', TALLY, 'feed') == 0 then return end
  local last = tonumber(redis.call('HGET', TALLY, 'feed-at') or '0')
  local _, line = string.gsub(before, '\n', '')
  for event in string.gmatch(events, '[^\n]+') do
    line = line + 1
    last = math.max(last, math.floor(tonumber(string.match(event, '"atMs":([%d.]+)') or at)))
    redis.call('XADD', FEED, string.format('%.0f-*', last), 'e', messageId .. ' ' .. field .. ' ' .. line)
  end
  redis.call('HSET', TALLY, 'feed-at', string.format('%.0f', last))
end

-- Writes events to a message, and with its last delivery ends it: then only its history stays.
-- `events`: lines, '' for none. The first stay in the record; once one did not, each time a field of their own.
local function tell(messageId, events, hasEnded, at)
  if events == '' and not hasEnded then return end
  local record = redis.call('HGET', MESSAGES, messageId)
  if not record then return end
  local priority, total, open, received, finished, size, fields, rest = struct.unpack(MESSAGE, record)
  if hasEnded then open = open - 1 end
  if hasEnded and open == 0 then
    finished = at
    redis.call('HDEL', CONTENTS, messageId)
    redis.call('ZREM', QUEUE, messageId)
    redis.call('ZADD', FINISHED, at, messageId)
    count('bytes', -size)
  end
  local text = string.sub(record, rest)
  if events ~= '' and fields == 0 and #record + #events < RECORD_BYTES then
    follow(messageId, 0, text, events, at)
    text = text .. '\n' .. events
  elseif events ~= '' then
    fields = fields + 1
    redis.call('HSET', EVENTS, fieldOf(messageId, fields), events)
    follow(messageId, fields, '', events, at)
  end
  local head = struct.pack(MESSAGE, priority, total, open, received, finished, size, fields)
  redis.call('HSET', MESSAGES, messageId, head .. text)
end

-- The message without its events, as those need it who send it.
local function headOf(record)
  local cut = string.find(record, '\n', struct.size(MESSAGE) + 1, true)
  return cut and string.sub(record, 1, cut - 1) or record
end
