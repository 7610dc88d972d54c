#!lua flags=allow-oom
-- library: shard.lua, fence.lua
-- Leases those that are still ready. Returns them (id, record, message), and the turns that changed (priority, lane and
-- client, due; '' when nothing waits any more).

local UNTIL, NODE, STRIDE = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])
-- Then the members of the ready set.
local FIRST_MEMBER = 4

local leased, turns = {}, {}
for place = FIRST_MEMBER, #ARGV do
  local member = ARGV[place]
  local turn, id = string.match(member, '^([^%z]*%z[^%z]*)%z[^%z]*%z([^%z]*)$')
  local record = redis.call('HGET', DELIVERIES, id)
  if record and redis.call('ZREM', READY, member) == 1 then
    turns[turn] = true
    -- One that cannot be read is passed over for good, and is for the audit to find: it must not stop the others.
    local isRead, d = pcall(parseDelivery, record)
    if isRead then
      d.token, d.lease, d.node = d.token + STRIDE, UNTIL, NODE
      local changed = formatDelivery(d)
      redis.call('HSET', DELIVERIES, id, changed)
      redis.call('ZADD', LEASES, UNTIL, id)
      leased[#leased + 1] = { id, changed, headOf(redis.call('HGET', MESSAGES, string.sub(id, 1, 26)) or '') }
    end
  end
end
local changes = {}
for turn in pairs(turns) do
  local priority, lane, client = string.match(turn, '^(%d)([^%z]*)%z(.*)$')
  changes[#changes + 1] = { turn, mend({ priority = tonumber(priority), domain = lane, client = client }) or '' }
end
return { leased, changes }
