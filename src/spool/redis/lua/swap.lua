#!lua flags=allow-oom
-- library: shard.lua, fence.lua
-- Puts new records in the place of old ones, where those are still what the asker read; says where (1) and where not (0).

local AT = ARGV[1]
-- Then fours: delivery, the record as read, the new one ('': it ends), events.
local FIRST_CHANGE = 2

local done = {}
for place = FIRST_CHANGE, #ARGV, 4 do
  local id, read, new, events = ARGV[place], ARGV[place + 1], ARGV[place + 2], ARGV[place + 3]
  local isSame = redis.call('HGET', DELIVERIES, id) == read
  if isSame then
    replace(id, parseDelivery(read), new ~= '' and parseDelivery(new) or nil)
    tell(string.sub(id, 1, 26), events, new == '', AT)
  end
  done[#done + 1] = isSame and 1 or 0
end
return done
