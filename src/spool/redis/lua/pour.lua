#!lua flags=allow-oom
-- library: shard.lua
-- Counts of fine stretches of time go into coarser ones: pairs, from and to.

for place = 1, #ARGV, 2 do
  local counted = redis.call('HGET', SHAPE, ARGV[place])
  if counted then
    redis.call('HDEL', SHAPE, ARGV[place])
    redis.call('HINCRBY', SHAPE, ARGV[place + 1], counted)
  end
end
return 1
