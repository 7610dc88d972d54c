#!lua
-- library: tallied.lua
-- Figures of an account as another store knew them, added once to what is here, and that they arrived with a move; 'known'
-- where all of them did before. KEYS[1]: the names of all accounts; the account's hash; what arrived.

local ACCOUNTS, FIGURES, ARRIVED = KEYS[1], KEYS[2], KEYS[3]
-- Then of each figure: start, amount, until when.
local NOW, KEPT_LONGER_MS, ACCOUNT, FIRST = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], 4

local became = 'known'
for at = FIRST, #ARGV, 3 do
  local start, amount, keep = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2])
  if redis.call('HSETNX', ARRIVED, 'f' .. FIGURES .. '\0' .. start, amount) == 1 then
    tally(FIGURES, start, tonumber(amount), keep)
    became = 'written'
  end
end
redis.call('ZADD', ACCOUNTS, 0, ACCOUNT)
keepFor(FIGURES, NOW, KEPT_LONGER_MS)
return became
