#!lua flags=no-writes
-- The form of the spool, and the mark of a move; '' for none.

return { redis.call('GET', KEYS[1]) or '', redis.call('HGET', KEYS[2], 'mark') or '' }
