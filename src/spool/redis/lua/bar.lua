#!lua
-- library: shard.lua
-- Whether a message was accepted; if not and MAY_BAR, it never will be: another takes its place.
-- KEYS[16]: marks the message as barred.

local ID, MAY_BAR, FORGET_MS = ARGV[1], ARGV[2] == '1', ARGV[3]

if redis.call('HEXISTS', MESSAGES, ID) == 1 then return 'accepted' end
if not MAY_BAR then return 'pending' end
redis.call('SET', KEYS[16], 1, 'PX', FORGET_MS)
return 'barred'
