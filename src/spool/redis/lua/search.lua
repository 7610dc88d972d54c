#!lua flags=no-writes
-- library: shard.lua
-- Some messages, newest first, of those the ones that have every needle; in front of them how many were looked at, and the
-- last of these with its time ('' with the first where there was none).
-- MODE 'open': queued ones, from FROM down to LEAST, both as in ZRANGEBYLEX. 'ended': by when, from FROM down to LEAST, both as in
-- ZRANGEBYSCORE; of those that ended just at FROM the ones behind ID, where one is given.
-- STATE: number of a state that a delivery of it must have; '' for any. Then HEADS needles for the record, and those for its events.

local MODE, FROM, ID, LEAST, STATE, HEADS = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6])
local LOOKED_AT, FOUND_AT_MOST, DELIVERIES_AT_MOST = tonumber(ARGV[7]), 50, 1000
local NEEDLES = 8

local ids, times = {}, {}
if MODE == 'open' then
  ids = redis.call('ZREVRANGEBYLEX', QUEUE, FROM, LEAST, 'LIMIT', 0, LOOKED_AT)
else
  local pairs
  if ID ~= '' then
    -- Very many may have ended in one moment.
    local low = redis.call('ZCOUNT', FINISHED, '(' .. FROM, '+inf')
    local high = low + redis.call('ZCOUNT', FINISHED, FROM, FROM)
    while low < high do
      local middle = math.floor((low + high) / 2)
      if redis.call('ZREVRANGE', FINISHED, middle, middle)[1] >= ID then low = middle + 1 else high = middle end
    end
    pairs = redis.call('ZREVRANGE', FINISHED, low, low + LOOKED_AT - 1, 'WITHSCORES')
  else
    pairs = redis.call('ZREVRANGEBYSCORE', FINISHED, FROM, LEAST, 'WITHSCORES', 'LIMIT', 0, LOOKED_AT)
  end
  for place = 1, #pairs, 2 do
    ids[#ids + 1], times[#times + 1] = pairs[place], pairs[place + 1]
  end
end

local function hasNeedles(record, fields)
  local text = string.lower(record)
  for place = NEEDLES, #ARGV do
    -- Where some of its events are elsewhere, nobody can tell yet.
    if fields > 0 and place - NEEDLES >= HEADS then return true end
    if not string.find(text, ARGV[place], 34, true) then return false end
  end
  return true
end

local function deliveriesOf(id, total)
  local deliveries, names = {}, {}
  for ordinal = 1, total do
    names[#names + 1] = id .. '.' .. ordinal
    if #names == 500 or ordinal == total then
      for _, one in ipairs(redis.call('HMGET', DELIVERIES, unpack(names))) do deliveries[#deliveries + 1] = one end
      names = {}
    end
  end
  return deliveries
end

local function isIn(deliveries)
  for _, one in ipairs(deliveries) do
    if one and string.byte(one, 1) == tonumber(STATE) then return true end
  end
  return false
end

local found, listed, looked = {}, 0, 0
for place, id in ipairs(ids) do
  local record = redis.call('HGET', MESSAGES, id)
  looked = place
  if record then
    local _, total, open, _, _, _, fields = struct.unpack(MESSAGE, record)
    if hasNeedles(record, fields) then
      local deliveries = open > 0 and deliveriesOf(id, total) or {}
      listed = listed + total
      if STATE == '' or isIn(deliveries) then found[#found + 1] = { id, record, deliveries, times[place] or '' } end
    end
  end
  if #found >= FOUND_AT_MOST or listed >= DELIVERIES_AT_MOST then break end
end
return { looked, ids[looked] or '', times[looked] or '', found }
