#!lua flags=allow-oom
-- library: shard.lua, fence.lua, forget.lua
-- Forgets messages that finished before BEFORE, LIMIT of them at most; returns how many, and whether (1) events of one are left.

local BEFORE, LIMIT = ARGV[1], ARGV[2]
-- Nobody here follows the history: who did last before this may be taken to have gone. '': somebody does.
local UNWANTED_BEFORE = ARGV[3]

forgetRest()
if UNWANTED_BEFORE ~= '' then
  local wanted = tonumber(redis.call('HGET', TALLY, 'feed') or '')
  if wanted and wanted < tonumber(UNWANTED_BEFORE) then
    redis.call('HDEL', TALLY, 'feed')
    redis.call('UNLINK', FEED)
  end
end
local forgotten, last = 0, nil
for _, id in ipairs(redis.call('ZRANGEBYSCORE', FINISHED, '-inf', '(' .. BEFORE, 'LIMIT', 0, LIMIT)) do
  if room <= 0 then break end
  local record = redis.call('HGET', MESSAGES, id)
  local fields = fieldsIn(record)
  redis.call('HDEL', MESSAGES, id)
  last = redis.call('ZSCORE', FINISHED, id)
  redis.call('ZREM', FINISHED, id)
  forgetProviders(id, record or '')
  if fields > 0 then forgetEvents(id, fields) end
  forgotten = forgotten + 1
end
-- What stands in it of messages that ended before leads nowhere.
if last then redis.call('XTRIM', FEED, 'MINID', '~', string.format('%.0f', tonumber(last))) end
return { forgotten, redis.call('HEXISTS', TALLY, 'forgetting') }
