#!lua
-- library: tallied.lua
-- Figures of an account as another store knew them, added once to what is here, and that they arrived with a move; 'known'
-- where all of them did before. KEYS: the names of all accounts; those of this account; what arrived.

local ACCOUNTS, FIGURES, ARRIVED = KEYS[1], KEYS[2], KEYS[3]
-- Then of each figure: start, amount, until when.
local NOW, KEPT_LONGER_MS, ACCOUNT, FIRST = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], 4

local became = 'known'
for at = FIRST, #ARGV, 3 do
  local figure = { start = ARGV[at], amount = tonumber(ARGV[at + 1]), keep = tonumber(ARGV[at + 2]) }
  if redis.call('HSETNX', ARRIVED, 'f' .. FIGURES .. '\0' .. figure.start, ARGV[at + 1]) == 1 then
    tally(FIGURES, figure, NOW, KEPT_LONGER_MS)
    became = 'written'
  end
end
redis.call('ZADD', ACCOUNTS, 0, ACCOUNT)
return became
