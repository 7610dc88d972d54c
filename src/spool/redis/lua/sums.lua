#!lua flags=allow-oom
-- The figures of some accounts from SINCE on: for each account a list: start, sum, until when it is kept. What is past goes, and the name of an
-- account that has nothing any more. KEYS[1]: the names of all accounts; then the hash of each that is asked for.

local ACCOUNTS = KEYS[1]
-- Then the names of the accounts.
local SINCE, NOW, KEPT_LONGER_MS = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])

local found = {}
for place = 2, #KEYS do
  local figures, sums, left = KEYS[place], {}, 0
  local fields = redis.call('HGETALL', figures)
  for field = 1, #fields, 2 do
    local start = fields[field]
    local sum, keep = string.match(fields[field + 1], '^(%S+) (%S+)$')
    if tonumber(keep) < NOW - KEPT_LONGER_MS then
      redis.call('HDEL', figures, start)
    else
      left = left + 1
      if tonumber(keep) >= NOW and tonumber(start) >= SINCE then
        sums[#sums + 1] = start
        sums[#sums + 1] = sum
        sums[#sums + 1] = keep
      end
    end
  end
  if left == 0 then redis.call('ZREM', ACCOUNTS, ARGV[place + 2]) end
  found[#found + 1] = sums
end
return found
