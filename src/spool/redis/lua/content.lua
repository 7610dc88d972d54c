#!lua flags=no-writes
-- library: shard.lua
-- A message's content; 'gone' when it is finished or nobody knows it, 'lost' when it should be there.

local ID = ARGV[1]

local content = redis.call('HGET', CONTENTS, ID)
if content then return { 'found', content } end
local record = redis.call('HGET', MESSAGES, ID)
if not record then return { 'gone' } end
local _, _, open = struct.unpack(MESSAGE, record)
return { open > 0 and 'lost' or 'gone' }
