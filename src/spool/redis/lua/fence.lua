-- In front of every script that changes mail, behind shard.lua: while the mail is moved to or from another store, what was
-- asked by a relay that should not run is refused.

if redis.call('HEXISTS', TALLY, 'moving') == 1 then
  return redis.error_reply('MOVING the mail of this spool is being moved')
end
