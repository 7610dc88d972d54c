#!lua flags=no-writes
-- What is in the keys, in their order: of digests all of it, of windows (KIND 'quota') what was spent.

local KIND = ARGV[1]

if KIND ~= 'quota' then return redis.call('MGET', unpack(KEYS)) end
local spent = {}
for place, key in ipairs(KEYS) do spent[place] = redis.call('HGET', key, 'used') end
return spent
