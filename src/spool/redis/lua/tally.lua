#!lua
-- Adds to figures, so many at once. A figure is a field of its account's hash: start of the stretch → sum, and until when it
-- is kept. KEYS[1]: the names of all accounts; then for each figure its account's hash.

local ACCOUNTS = KEYS[1]
-- KEPT_LONGER_MS: clocks differ. Then of each figure: account, start, amount, until when.
local NOW, KEPT_LONGER_MS = tonumber(ARGV[1]), tonumber(ARGV[2])

for place = 2, #KEYS do
  local figures, at = KEYS[place], 4 * place - 5
  local account, start, amount, keep = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  local sum, kept = string.match(redis.call('HGET', figures, start) or '0 0', '^(%S+) (%S+)$')
  keep = math.max(keep, tonumber(kept))
  redis.call('HSET', figures, start, string.format('%.0f %.0f', tonumber(sum) + amount, keep))
  redis.call('ZADD', ACCOUNTS, 0, account)
  local forgetMs = math.max(1, math.ceil(keep - NOW) + KEPT_LONGER_MS)
  if redis.call('PTTL', figures) < forgetMs then redis.call('PEXPIRE', figures, string.format('%.0f', forgetMs)) end
end
return 1
