#!lua flags=no-writes
-- Some marks in the order of their names, from one end to the other: name, then time and text.

local NAMES, TEXTS = KEYS[1], KEYS[2]
local FROM, TO, LIMIT = ARGV[1], ARGV[2], ARGV[3]

local names = redis.call('ZRANGEBYLEX', NAMES, FROM, TO, 'LIMIT', 0, LIMIT)
if #names == 0 then return {} end
return { names, redis.call('HMGET', TEXTS, unpack(names)) }
