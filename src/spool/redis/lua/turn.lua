#!lua flags=allow-oom
-- Takes COUNT turns in a circle of PLACES; returns the place that was taken last before, -1 for none. What is kept is the
-- place that was taken last now (tallies.ts says which follow).

local TURN = KEYS[1]
-- Then the open places, rising.
local PLACES, COUNT, FORGET_MS, FIRST = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], 4

local last = tonumber(redis.call('GET', TURN) or '-1')
if last >= PLACES then last = -1 end
local open, next = #ARGV - FIRST + 1, 0
for place = 0, open - 1 do
  if tonumber(ARGV[FIRST + place]) > last then
    next = place
    break
  end
end
redis.call('SET', TURN, ARGV[FIRST + (next + COUNT - 1) % open], 'PX', FORGET_MS)
return last
