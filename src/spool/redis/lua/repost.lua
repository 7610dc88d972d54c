#!lua
-- A mark as another store knew it, and that it arrived with a move; 'known' where one is here that was made later.
-- KEYS: as of post.lua; then what arrived.

local NAMES, TEXTS, ARRIVED = KEYS[1], KEYS[2], KEYS[3]
local NAME, AT, TEXT = ARGV[1], ARGV[2], ARGV[3]

local before = redis.call('HGET', TEXTS, NAME)
local known = tonumber(string.match(before or '', '^(%S+) ') or '')
if known and known >= tonumber(AT) then return 'known' end
redis.call('HSET', TEXTS, NAME, AT .. ' ' .. TEXT)
redis.call('ZADD', NAMES, 0, NAME)
-- With what it took the place of, for the way back (vanish.lua).
redis.call('HSETNX', ARRIVED, 'k' .. NAMES .. '\0' .. TEXTS .. '\0' .. NAME, before or '')
return 'written'
