#!lua
-- library: tallied.lua
-- Adds to figures, so many at once. KEYS[1]: the names of all accounts; then for each figure those of its account.

local ACCOUNTS = KEYS[1]
-- Then of each figure: account, start, amount, until when.
local NOW, KEPT_LONGER_MS = tonumber(ARGV[1]), tonumber(ARGV[2])

for place = 2, #KEYS do
  local at = 4 * place - 5
  local figure = { start = ARGV[at + 1], amount = tonumber(ARGV[at + 2]), keep = tonumber(ARGV[at + 3]) }
  tally(KEYS[place], figure, NOW, KEPT_LONGER_MS)
  redis.call('ZADD', ACCOUNTS, 0, ARGV[at])
end
return 1
