#!lua flags=allow-oom
-- library: shard.lua, fence.lua
-- Sets the end of leases that are still ours, 0: hands them back, for one node where that is named. Returns the places (from 1) of those that are not.

-- NOW: when what is handed back for a node is due, unless it is due later.
local UNTIL, NODE, NOW = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])
-- A call that others overtook makes no lease shorter. By more than this it is not late: its clock was set back.
local LATE = 600000
-- Then pairs: delivery, token.
local FIRST_LEASE = 4

local lost = {}
for place = FIRST_LEASE, #ARGV, 2 do
  local record = redis.call('HGET', DELIVERIES, ARGV[place])
  local old = record and parseDelivery(record)
  if old and old.lease > 0 and old.token == tonumber(ARGV[place + 1]) then
    local new = parseDelivery(record)
    local isLate = UNTIL > 0 and UNTIL < old.lease and old.lease - UNTIL <= LATE
    if not isLate then new.lease = UNTIL end
    if UNTIL == 0 then new.node = NODE end
    if NODE ~= '' then new.due = math.max(new.due, NOW) end
    replace(ARGV[place], old, new)
  else
    lost[#lost + 1] = (place - FIRST_LEASE) / 2 + 1
  end
end
return lost
