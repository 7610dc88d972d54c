#!lua flags=no-writes
-- Whether this spool has part in a move: the mark, and how far the other store was read; '' for none.

local found = redis.call('HMGET', KEYS[1], 'mark', 'cursor')
return { found[1] or '', found[2] or '' }
