#!lua flags=no-writes
-- Some keys of the server that are named as PATTERN says, and the cursor with which to go on; '0': these were the last.
-- KEYS[1]: of the slot that they are in.

local CURSOR, PATTERN = ARGV[1], ARGV[2]

return redis.call('SCAN', CURSOR, 'MATCH', PATTERN, 'COUNT', 1000)
