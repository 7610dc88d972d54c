#!lua flags=allow-oom
-- Figures of some accounts, of stretches from a time on, ROOM at most: for each account a list, in order of time (members as
-- tallied.lua writes them); the last list may be cut. The name of an account that has none any more goes.
-- KEYS[1]: the names of all accounts; then those of each that is asked for.

local ACCOUNTS = KEYS[1]
-- Of the first account; of the others. Then the names of the accounts.
local FIRST_SINCE, SINCE, ROOM, NAMES_AFTER = ARGV[1], ARGV[2], tonumber(ARGV[3]), 3

local found = {}
for place = 2, #KEYS do
  if ROOM <= 0 then break end
  local since = place == 2 and FIRST_SINCE or SINCE
  local some = redis.call('ZRANGEBYSCORE', KEYS[place], since, '+inf', 'LIMIT', 0, ROOM)
  ROOM = ROOM - #some
  found[#found + 1] = some
  if #some == 0 and redis.call('EXISTS', KEYS[place]) == 0 then
    redis.call('ZREM', ACCOUNTS, ARGV[NAMES_AFTER + place - 1])
  end
end
return found
