#!lua
-- library: shard.lua
-- A message as another store knew it, whole, and that it arrived. 'known': it arrived before. 'conflict': it was here by
-- itself, and nothing is written.
-- KEYS[16]: what arrived.

local ID, RECORD, CONTENT, SIZE, FINISHED_AT = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
-- What providers call it.
local PROVIDER_IDS = ARGV[6]
-- Then the fields of events, so many; then pairs: delivery, record.
local FIELDS, FIRST_FIELD = tonumber(ARGV[7]), 8
local FIRST_DELIVERY = FIRST_FIELD + FIELDS
local ARRIVED = KEYS[16]

if redis.call('HEXISTS', MESSAGES, ID) == 1 then
  return redis.call('HEXISTS', ARRIVED, 'm' .. ID) == 1 and 'known' or 'conflict'
end
redis.call('HSET', MESSAGES, ID, RECORD)
for n = 1, FIELDS do redis.call('HSET', EVENTS, fieldOf(ID, n), ARGV[FIRST_FIELD + n - 1]) end
redis.call('HSET', ARRIVED, 'm' .. ID, '')
index(ID, PROVIDER_IDS)
if FINISHED_AT ~= '' then
  redis.call('ZADD', FINISHED, FINISHED_AT, ID)
  return 'written'
end
if CONTENT ~= '' then redis.call('HSET', CONTENTS, ID, CONTENT) end
redis.call('ZADD', QUEUE, 0, ID)
count('bytes', SIZE)
for place = FIRST_DELIVERY, #ARGV, 2 do
  redis.call('HSET', DELIVERIES, ARGV[place], ARGV[place + 1])
  enter(ARGV[place], parseDelivery(ARGV[place + 1]))
end
return 'written'
