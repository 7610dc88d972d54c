#!lua flags=allow-oom
-- library: shard.lua, fence.lua
-- Ends a lease and writes what came of it; 0 when the lease is not the asker's any more.

local ID, MESSAGE_ID, TOKEN, AT, EVENTS = ARGV[1], string.sub(ARGV[1], 1, 26), tonumber(ARGV[2]), ARGV[3], ARGV[4]
-- What becomes of those that are left.
local STATE, DUE, ATTEMPTS, WARNED = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local EGRESS, LAST_REPLY = ARGV[9], ARGV[10]
-- What providers call it.
local PROVIDER_IDS = ARGV[11]
-- Then the addresses, as JSON, whose story ends.
local FIRST_ENDED = 12

local record = redis.call('HGET', DELIVERIES, ID)
if not record then return 0 end
local old = parseDelivery(record)
if old.lease == 0 or old.token ~= TOKEN then return 0 end

if PROVIDER_IDS ~= '' then index(MESSAGE_ID, PROVIDER_IDS) end
local ended = {}
for place = FIRST_ENDED, #ARGV do ended[ARGV[place]] = true end
local left = {}
local lines = string.sub(old.rest, string.find(old.rest, '\n', 1, true) + 1)
for line in string.gmatch(lines, '[^\n]+') do
  if not ended[string.match(line, '^[^\t]*')] then left[#left + 1] = line end
end

if #left == 0 then
  replace(ID, old, nil)
  tell(MESSAGE_ID, EVENTS, true, AT)
  return 1
end
replace(ID, old, {
  state = STATE, priority = old.priority, token = old.token, attempts = ATTEMPTS, due = DUE, lease = 0, warned = WARNED,
  node = '', domain = old.domain, client = old.client, egress = EGRESS,
  rest = LAST_REPLY .. '\n' .. table.concat(left, '\n'),
})
tell(MESSAGE_ID, EVENTS, false, AT)
return 1
