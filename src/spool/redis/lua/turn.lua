#!lua flags=allow-oom
-- Takes COUNT turns in a circle; returns the place that was taken last before, -1 for none. What is kept is the
-- place that was taken last now (tallies.ts says which follow).

local TURN = KEYS[1]
-- Then the open places, rising.
local COUNT, FORGET_MS, FIRST = tonumber(ARGV[1]), ARGV[2], 3

local last = tonumber(redis.call('GET', TURN) or '-1')
-- Where no open place comes after it, or the circle became smaller than it, the first is next.
local open, next = #ARGV - FIRST + 1, 0
for place = 0, open - 1 do
  if tonumber(ARGV[FIRST + place]) > last then
    next = place
    break
  end
end
redis.call('SET', TURN, ARGV[FIRST + (next + COUNT - 1) % open], 'PX', FORGET_MS)
return last
