#!lua flags=no-writes
-- library: shard.lua
-- Some messages, each with its deliveries (by ordinal; nil where one has ended). PARTS 'head': without events;
-- 'all': with those in its record.
-- MODE 'ids': those named, the id alone for one that nobody knows. 'open': queued ones, newest first, FROM downwards. 'finished': by time, from SKIP on at FROM.

local PARTS, MODE, FROM, SKIP, LIMIT = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local DELIVERIES_AT_MOST = 2000

local ids, times = {}, {}
if MODE == 'ids' then
  for place = 3, #ARGV do ids[#ids + 1] = ARGV[place] end
elseif MODE == 'open' then
  ids = redis.call('ZREVRANGEBYLEX', QUEUE, FROM, '-', 'LIMIT', 0, LIMIT)
else
  local pairs = redis.call('ZRANGEBYSCORE', FINISHED, FROM, '+inf', 'WITHSCORES', 'LIMIT', SKIP, LIMIT)
  for place = 1, #pairs, 2 do
    ids[#ids + 1], times[#times + 1] = pairs[place], pairs[place + 1]
  end
end

local found, listed = {}, 0
for place, id in ipairs(ids) do
  local record = redis.call('HGET', MESSAGES, id)
  if record then
    local _, total, open = struct.unpack(MESSAGE, record)
    local deliveries = {}
    if open > 0 then
      local names = {}
      -- HMGET takes them in bites: what `unpack` can carry is limited.
      for ordinal = 1, total do
        names[#names + 1] = id .. '.' .. ordinal
        if #names == 500 or ordinal == total then
          for _, one in ipairs(redis.call('HMGET', DELIVERIES, unpack(names))) do deliveries[#deliveries + 1] = one end
          names = {}
        end
      end
    end
    found[#found + 1] = { id, PARTS == 'head' and headOf(record) or record, deliveries, times[place] or '' }
    listed = listed + total
    -- The reader goes on behind the last one that it got.
    if listed >= DELIVERIES_AT_MOST then break end
  elseif MODE == 'ids' then
    found[#found + 1] = { id }
  end
end
return found
