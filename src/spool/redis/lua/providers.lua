#!lua flags=no-writes
-- library: shard.lua
-- The last messages that a provider has under this id, LIMIT at most.

local ID, LIMIT = ARGV[1], ARGV[2]

local found = redis.call('ZREVRANGEBYLEX', PROVIDERS, '(' .. ID .. '\1', '[' .. ID .. '\0', 'LIMIT', 0, LIMIT)
for place, member in ipairs(found) do found[place] = string.sub(member, #ID + 2) end
return found
