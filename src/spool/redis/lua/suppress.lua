#!lua
-- library: suppression.lua
-- Makes or replaces entries, each unless one was made later.

-- Fours: key, when it was made, until when ('': for good), the rest.
local number = nextNumber()
for place = 1, #ARGV, 4 do
  if make(ARGV[place], ARGV[place + 1], ARGV[place + 2], ARGV[place + 3], number) then number = number + 1 end
end
return 1
