-- In front of every script that adds to figures. A figure is a field of its account's hash: start of the stretch → sum, and
-- until when it is kept.

-- The latest end of what was added, by hash.
local ends = {}

local function tally(figures, start, amount, keep)
  local sum, kept = string.match(redis.call('HGET', figures, start) or '0 0', '^(%S+) (%S+)$')
  keep = math.max(keep, tonumber(kept))
  redis.call('HSET', figures, start, string.format('%.0f %.0f', tonumber(sum) + amount, keep))
  ends[figures] = math.max(keep, ends[figures] or keep)
end

-- The hash forgets itself after its last figure. KEPT LONGER: clocks differ.
local function keepFor(figures, now, keptLongerMs)
  local forgetMs = math.max(1, math.ceil((ends[figures] or now) - now) + keptLongerMs)
  if redis.call('PTTL', figures) < forgetMs then redis.call('PEXPIRE', figures, string.format('%.0f', forgetMs)) end
end
