#!lua
-- library: suppression.lua
-- Entries as another store knew them, each unless one is here that was made as late or later, and that they arrived with a
-- move; returns how many were written. KEYS[5]: what arrived.

local ARRIVED = KEYS[5]

-- Fours, as of suppress.lua.
local number = nextNumber()
local written = 0
for place = 1, #ARGV, 4 do
  local key, at = ARGV[place], ARGV[place + 1]
  local before = redis.call('HGET', ENTRIES, key) or ''
  local known = tonumber(string.match(before, '^(%S+) ') or '')
  if not known or known < tonumber(at) then
    make(key, at, ARGV[place + 2], ARGV[place + 3], number + written)
    -- With what it took the place of, for the way back (vanish.lua).
    redis.call('HSETNX', ARRIVED, 's' .. key, before)
    written = written + 1
  end
end
return written
