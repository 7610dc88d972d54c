#!lua flags=allow-oom
-- library: shard.lua, fence.lua
-- Puts a new text in the place of a message's own, and new records in the place of its deliveries, where all of it is still
-- what the asker read; says whether (1 or 0).

local AT, ID, META, NEW_META = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
-- Then fours: delivery, the record as read, the new one, events.
local FIRST_CHANGE = 5

local record = redis.call('HGET', MESSAGES, ID)
if not record then return 0 end
local start = struct.size(MESSAGE) + 1
local stop = start + #META
if string.sub(record, start, stop - 1) ~= META then return 0 end
if #record >= stop and string.sub(record, stop, stop) ~= '\n' then return 0 end
for place = FIRST_CHANGE, #ARGV, 4 do
  if redis.call('HGET', DELIVERIES, ARGV[place]) ~= ARGV[place + 1] then return 0 end
end

redis.call('HSET', MESSAGES, ID, string.sub(record, 1, start - 1) .. NEW_META .. string.sub(record, stop))
for place = FIRST_CHANGE, #ARGV, 4 do
  replace(ARGV[place], parseDelivery(ARGV[place + 1]), parseDelivery(ARGV[place + 2]))
  tell(ID, ARGV[place + 3], false, AT)
end
return 1
