#!lua flags=allow-oom
-- Ends a reservation: its message was accepted, or surely was not.

local DIGEST = KEYS[1]
local ID, WAS_ACCEPTED = ARGV[1], ARGV[2] == '1'

local kept = redis.call('GET', DIGEST)
if not kept or string.sub(kept, -#ID) ~= ID then return 0 end
if WAS_ACCEPTED then
  redis.call('SET', DIGEST, '=' .. string.sub(kept, 2), 'KEEPTTL')
elseif string.sub(kept, 1, 1) == '?' then
  redis.call('DEL', DIGEST)
end
return 1
