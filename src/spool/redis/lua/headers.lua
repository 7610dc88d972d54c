#!lua flags=no-writes
-- library: shard.lua
-- Some messages, of those the ones with NEEDLE in their own text; in front of them the cursor to go on with, '0' at the end.

local CURSOR, NEEDLE = ARGV[1], ARGV[2]
local LOOKED_AT = 500

local page = redis.call('HSCAN', MESSAGES, CURSOR, 'COUNT', LOOKED_AT)
local found = { page[1] }
for place = 1, #page[2], 2 do
  if string.find(headOf(page[2][place + 1]), NEEDLE, struct.size(MESSAGE) + 1, true) then
    found[#found + 1] = page[2][place]
  end
end
return found
