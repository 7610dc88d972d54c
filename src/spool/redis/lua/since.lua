#!lua flags=no-writes
-- Keys of entries by their numbers, from behind SINCE on, in front of them the number to go on with. KEYS: as of suppression.lua.

local ENTRIES, NUMBERS = KEYS[1], KEYS[3]
local SINCE, LIMIT = ARGV[1], ARGV[2]

-- A number that was never given.
if tonumber(SINCE) > tonumber(redis.call('HGET', ENTRIES, '') or '0') then SINCE = '0' end
local found = redis.call('ZRANGEBYSCORE', NUMBERS, '(' .. SINCE, '+inf', 'LIMIT', 0, LIMIT)
local upTo = #found > 0 and redis.call('ZSCORE', NUMBERS, found[#found]) or SINCE
return { string.format('%.0f', tonumber(upTo)), unpack(found) }
