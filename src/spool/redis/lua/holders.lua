#!lua flags=no-writes
-- library: shard.lua
-- Who holds the leases from a rank on: how many were looked at, then owner and count in turn.

local SKIP, LIMIT = tonumber(ARGV[1]), tonumber(ARGV[2])

local counts = {}
local ids = redis.call('ZRANGE', LEASES, SKIP, SKIP + LIMIT - 1)
for _, id in ipairs(ids) do
  local record = redis.call('HGET', DELIVERIES, id)
  local isRead, d = pcall(parseDelivery, record)
  if isRead then counts[d.node] = (counts[d.node] or 0) + 1 end
end
local found = { #ids }
for owner, count in pairs(counts) do
  found[#found + 1] = owner
  found[#found + 1] = count
end
return found
