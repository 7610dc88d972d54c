#!lua flags=allow-oom
-- The next stretch of time in which nobody else has the account; what is kept is the last one: from, to, holder.

local SLOT = KEYS[1]
local HOLDER, LENGTH, NOW = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
-- A slot that ends later than this from now was given by a clock that was put back since.
local REASON_MS, FORGET_MS = tonumber(ARGV[4]), ARGV[5]

local from, to, holder = string.match(redis.call('GET', SLOT) or '', '^(%S+) (%S+) (.*)$')
from, to = tonumber(from), tonumber(to)
local holds = to ~= nil and to >= NOW and to - NOW <= REASON_MS
if holds and holder == HOLDER then
  to = math.max(to, math.ceil(NOW + LENGTH))
else
  from = math.ceil(holds and to or NOW)
  to = from + math.ceil(LENGTH)
end
redis.call('SET', SLOT, string.format('%.0f %.0f ', from, to) .. HOLDER, 'PX', FORGET_MS)
return { from, to }
