#!lua flags=no-writes
-- library: shard.lua
-- What is due in some lanes of one priority, client by client, each in order of time. Of a client no more than a lane may
-- give at all; no more lanes than it takes to have BUDGET to choose from.

local PRIORITY, NOW, PER_LANE, BUDGET = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
-- Then pairs: a lane, and the client whose turn was last.
local FIRST_LANE = 5
local CLIENTS_AT_MOST = 100

local found = {}

local function listClient(range)
  local due = digits(NOW + 1)
  local members = redis.call('ZRANGEBYLEX', READY, '[' .. range .. '\0', '(' .. range .. '\0' .. due, 'LIMIT', 0, PER_LANE)
  for _, member in ipairs(members) do found[#found + 1] = member end
  return #members
end

-- From one end of the lane's clients to the other, by one look-up a client.
local function listClients(lane, from, to, atMost)
  local listed, clients = 0, 0
  while clients < atMost do
    local first = redis.call('ZRANGEBYLEX', READY, from, to, 'LIMIT', 0, 1)[1]
    if not first then break end
    local range = string.match(first, '^[^%z]*%z[^%z]*')
    listed = listed + listClient(range)
    clients = clients + 1
    from = '[' .. range .. '\1'
  end
  return listed, clients
end

for place = FIRST_LANE, #ARGV, 2 do
  if BUDGET <= 0 then break end
  local lane, last = PRIORITY .. ARGV[place], ARGV[place + 1]
  local turn = lane .. '\0' .. last .. '\1'
  local listed, clients = listClients(lane, '[' .. turn, '(' .. lane .. '\1', CLIENTS_AT_MOST)
  -- And round to whoever had the last turn.
  listed = listed + listClients(lane, '[' .. lane .. '\0', '(' .. turn, CLIENTS_AT_MOST - clients)
  BUDGET = BUDGET - math.min(listed, PER_LANE)
end
return found
