#!lua flags=allow-oom
-- library: shard.lua, fence.lua
-- Leases those that are still ready. Returns them (id, record, message), and the turns that changed (priority, lane and
-- client, due; '' when nothing waits any more).

local UNTIL, NODE = tonumber(ARGV[1]), ARGV[2]
-- Then the members of the ready set.
local FIRST_MEMBER = 3

local leased, touched = {}, {}
for place = FIRST_MEMBER, #ARGV do
  local member = ARGV[place]
  local id = string.match(member, '[^%z]*$')
  local record = redis.call('HGET', DELIVERIES, id)
  if record and redis.call('ZREM', READY, member) == 1 then
    local d = parseDelivery(record)
    d.token, d.lease, d.node = d.token + 1, UNTIL, NODE
    local changed = formatDelivery(d)
    redis.call('HSET', DELIVERIES, id, changed)
    redis.call('ZADD', LEASES, UNTIL, id)
    touched[d.priority .. d.domain .. '\0' .. d.client] = d
    leased[#leased + 1] = { id, changed, headOf(redis.call('HGET', MESSAGES, string.sub(id, 1, 26)) or '') }
  end
end
local turns = {}
for turn, d in pairs(touched) do
  turns[#turns + 1] = { turn, mend(d) or '' }
end
return { leased, turns }
