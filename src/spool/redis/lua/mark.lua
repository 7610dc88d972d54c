#!lua flags=allow-oom
-- Notes the mark of a move, or how far the other store was read. MARK '': as it is; '-': none any more, and no cursor.

local MOVE = KEYS[1]
local MARK, CURSOR = ARGV[1], ARGV[2]

if MARK == '-' then
  redis.call('DEL', MOVE)
  return 1
end
if MARK ~= '' then redis.call('HSET', MOVE, 'mark', MARK) end
if CURSOR ~= '' then redis.call('HSET', MOVE, 'cursor', CURSOR) end
return 1
