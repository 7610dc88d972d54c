#!lua
-- library: tallied.lua
-- Adds to figures, so many at once. KEYS[1]: the names of all accounts; then for each figure its account's hash.

local ACCOUNTS = KEYS[1]
-- Then of each figure: account, start, amount, until when.
local NOW, KEPT_LONGER_MS = tonumber(ARGV[1]), tonumber(ARGV[2])

for place = 2, #KEYS do
  local at = 4 * place - 5
  tally(KEYS[place], ARGV[at + 1], tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]))
  redis.call('ZADD', ACCOUNTS, 0, ARGV[at])
end
for place = 2, #KEYS do keepFor(KEYS[place], NOW, KEPT_LONGER_MS) end
return 1
