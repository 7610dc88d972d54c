#!lua flags=no-writes
-- The message that has the digest of a resend at a time; '': none has, or it is only reserved.

local AT = tonumber(ARGV[1])

local kept = redis.call('GET', KEYS[1])
if not kept then return '' end
local past, id = string.match(kept, '^=(%d+) %d+ (.*)$')
if past and tonumber(past) > AT then return id end
return ''
