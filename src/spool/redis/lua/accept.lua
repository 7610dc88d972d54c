#!lua
-- library: shard.lua, fence.lua
-- Message, deliveries, content and event in one go. Refused whole by a server that is full: nothing is half kept.
-- Twice with the same id: the second time changes nothing.
-- KEYS[16]: what stands behind GUARD.

local ID, RECORD, CONTENT, SIZE, RECEIVED, FINISHED_AT = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5]), ARGV[6]
-- '': no check. 'dedupe': KEYS[16] remembers the first message with this digest. 'barred': KEYS[16] is there when another
-- message has taken the place of this one meanwhile.
local GUARD, UNTIL, FORGET_MS = ARGV[7], ARGV[8], ARGV[9]
-- What the record has no room for; '': nothing.
local EVENT = ARGV[10]
-- Why its deliveries are held: a line each; '': they are not.
local HELD = ARGV[11]
local FIRST_DELIVERY = 12

if GUARD == 'dedupe' then
  local first = redis.call('GET', KEYS[16])
  if first then
    local past, id = string.match(first, '^=(%d+) %d+ (.*)$')
    if past and id == ID then return { 'known' } end
    if past and tonumber(past) > RECEIVED then return { 'duplicate', id } end
  end
elseif GUARD == 'barred' and redis.call('EXISTS', KEYS[16]) == 1 then
  return { 'barred' }
end
if redis.call('HEXISTS', MESSAGES, ID) == 1 then return { 'known' } end

redis.call('HSET', MESSAGES, ID, RECORD)
if EVENT ~= '' then redis.call('HSET', EVENTS, fieldOf(ID, 1), EVENT) end
follow(ID, EVENT == '' and 0 or 1, '', 'received', RECEIVED)
if GUARD == 'dedupe' then redis.call('SET', KEYS[16], '=' .. UNTIL .. ' 0 ' .. ID, 'PX', FORGET_MS) end
if FINISHED_AT ~= '' then
  redis.call('ZADD', FINISHED, FINISHED_AT, ID)
  return { 'accepted' }
end
redis.call('HSET', CONTENTS, ID, CONTENT)
redis.call('ZADD', QUEUE, 0, ID)
count('bytes', SIZE)
for place = FIRST_DELIVERY, #ARGV do
  local id = ID .. '.' .. (place - FIRST_DELIVERY + 1)
  redis.call('HSET', DELIVERIES, id, ARGV[place])
  enter(id, parseDelivery(ARGV[place]))
end
tell(ID, HELD, false, RECEIVED)
return { 'accepted' }
