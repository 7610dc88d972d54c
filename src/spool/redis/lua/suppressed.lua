#!lua flags=no-writes
-- Of each address the first entry that holds for that client and stream now: key and value. KEYS: as of suppression.lua.

local ENTRIES = KEYS[1]
local NOW, CLIENT, STREAM, FIRST = tonumber(ARGV[1]), ARGV[2], ARGV[3], 4

local found = {}
for place = FIRST, #ARGV do
  local address = ARGV[place] .. '\0'
  local names = { address .. '\0', address .. '\0' .. STREAM, address .. CLIENT .. '\0', address .. CLIENT .. '\0' .. STREAM }
  local values = redis.call('HMGET', ENTRIES, unpack(names))
  local best, bestAt
  for n = 1, 4 do
    local at, ends = string.match(values[n] or '', '^(%S+) (%S*) ')
    at, ends = tonumber(at or ''), tonumber(ends or '')
    if at and (not ends or ends > NOW) and (not best or at < bestAt) then
      best, bestAt = n, at
    end
  end
  if best then
    found[#found + 1] = names[best]
    found[#found + 1] = values[best]
  end
end
return found
