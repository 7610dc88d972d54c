#!lua flags=allow-oom
-- The form in which a spool is kept: set by whoever opens it first, read by all that come after. With it the moment at
-- which it was made, by which another spool in its place is known.

local FORMAT = KEYS[1]
local FRESH = ARGV[1]

redis.call('SET', FORMAT, FRESH, 'NX')
local format = redis.call('GET', FORMAT)
if string.find(format, '^%d+ %d+$') then
  local now = redis.call('TIME')
  format = format .. ' ' .. now[1] .. '.' .. now[2]
  redis.call('SET', FORMAT, format)
end
return format
