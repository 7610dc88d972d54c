#!lua
-- Reserves the digest of a resend for a message that lives in another slot. What is kept: '?' (reserved) or
-- '=' (accepted), until when the digest counts (the relay's time, ms), since when it is kept (the server's, s), the id.

local DIGEST = KEYS[1]
local ID, RECEIVED, UNTIL, FORGET_MS = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]
-- The message whose reservation may be taken over; '': nobody's.
local OVER = ARGV[5]
-- A reservation older than this was left behind by whoever made it.
local STALE_S = tonumber(ARGV[6])

local now = tonumber(redis.call('TIME')[1])
local kept = redis.call('GET', DIGEST)
if kept then
  local state, past, since, id = string.match(kept, '^(.)(%d+) (%d+) (.*)$')
  if id == ID and state == '=' then return { 'reserved' } end
  if id ~= ID and id ~= OVER and tonumber(past) > RECEIVED then
    return { state == '=' and 'accepted' or 'reserved-by', id, now - tonumber(since) > STALE_S and 1 or 0 }
  end
end
redis.call('SET', DIGEST, '?' .. UNTIL .. ' ' .. now .. ' ' .. ID, 'PX', FORGET_MS)
return { 'reserved' }
