#!lua flags=no-writes
-- library: shard.lua
-- Who waits, lane and client, those that wait longest first; for each of the priorities asked for, so many from a rank on.

-- Threes: priority, rank, how many.
local found = {}
for place = 1, #ARGV, 3 do
  local start, limit = tonumber(ARGV[place + 1]), tonumber(ARGV[place + 2])
  found[#found + 1] = redis.call('ZRANGE', LANES[ARGV[place] + 1], start, start + limit - 1, 'WITHSCORES')
end
return found
