#!lua flags=no-writes
-- library: shard.lua
-- Events of a message from a field on, as much as one look may take. Returns the field to go on with, how many were not
-- there, then lines. ORDINAL '': all; else those of that delivery, and perhaps others.

local ID, FROM, TO, ORDINAL = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local FIELDS_AT_MOST, BYTES_AT_MOST = 1000, 500000

local of = '"n":' .. ORDINAL .. '[,}]'
local found, missing, bytes = {}, 0, 0
local place = FROM
while place <= TO and place < FROM + FIELDS_AT_MOST and bytes < BYTES_AT_MOST do
  local lines = redis.call('HGET', EVENTS, fieldOf(ID, place))
  if not lines then
    missing = missing + 1
  else
    bytes = bytes + #lines
    -- A text in JSON has no quotes that stand by themselves.
    if ORDINAL == '' or string.find(lines, of) then found[#found + 1] = lines end
  end
  place = place + 1
end
return { place, missing, unpack(found) }
