-- In front of every script that changes figures. Those of an account are a sorted set by the start of their stretch; each
-- member is start, sum, and until when it is kept.

-- Of the oldest, and of any, so many are looked at with each new stretch: some more than come.
local LOOKED_AT = 4

-- Member, sum and end of a stretch; nil where there is none.
local function figureOf(figures, start)
  local member = redis.call('ZRANGEBYSCORE', figures, start, start, 'LIMIT', 0, 1)[1]
  if not member then return nil end
  local sum, keep = string.match(member, '^%S+ (%S+) (%S+)$')
  return member, tonumber(sum), tonumber(keep)
end

local function forgetPast(figures, before)
  local some = redis.call('ZRANGE', figures, 0, LOOKED_AT - 1)
  for _, member in ipairs(redis.call('ZRANDMEMBER', figures, LOOKED_AT)) do some[#some + 1] = member end
  for _, member in ipairs(some) do
    if tonumber(string.match(member, '(%S+)$')) < before then redis.call('ZREM', figures, member) end
  end
end

-- Adds to a stretch. The whole forgets itself after its last one. `keptLongerMs`: clocks differ.
local function tally(figures, figure, now, keptLongerMs)
  local member, sum, keep = figureOf(figures, figure.start)
  if member then
    redis.call('ZREM', figures, member)
  else
    forgetPast(figures, now - keptLongerMs)
  end
  keep = math.max(figure.keep, keep or figure.keep)
  local text = string.format('%s %.0f %.0f', figure.start, (sum or 0) + figure.amount, keep)
  redis.call('ZADD', figures, figure.start, text)
  local forgetMs = math.max(1, math.ceil(keep - now) + keptLongerMs)
  if redis.call('PTTL', figures) < forgetMs then redis.call('PEXPIRE', figures, string.format('%.0f', forgetMs)) end
end
