#!lua flags=no-writes
-- library: shard.lua
-- Events from behind an entry of FEED on, as much as one look may take: number of the entry, message, event, and the message's
-- record without events, where the event leaves out what stands there. '' for an event that was forgotten.

local AFTER, LIMIT = ARGV[1], ARGV[2]
local BYTES_AT_MOST = 500000

local function nth(text, n)
  for line in string.gmatch(text, '[^\n]+') do
    n = n - 1
    if n == 0 then return line end
  end
  return ''
end

local found, bytes = {}, 0
local id, record
for _, entry in ipairs(redis.call('XRANGE', FEED, '(' .. AFTER, '+', 'COUNT', LIMIT)) do
  local of, field, place = string.match(entry[2][2], '^(%S+) (%d+) (%d+)$')
  if of ~= id then
    id, record = of, redis.call('HGET', MESSAGES, of)
  end
  local line, head = '', ''
  if record and field == '0' then
    local start = string.find(record, '\n', struct.size(MESSAGE) + 1, true)
    if start then line = nth(string.sub(record, start), tonumber(place)) end
  elseif record then
    line = nth(redis.call('HGET', EVENTS, fieldOf(of, field)) or '', tonumber(place))
  end
  if string.find(line, '"~":', 1, true) then head = headOf(record) end
  local at = #found
  found[at + 1], found[at + 2], found[at + 3], found[at + 4] = entry[1], of, line, head
  bytes = bytes + #line + #head
  if bytes >= BYTES_AT_MOST then break end
end
return found
