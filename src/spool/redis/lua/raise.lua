#!lua flags=allow-oom
-- A spool becomes one of a later form, which has all that the one before had. Returns the form that it has then.
-- KEYS[1]: its form.

local FROM, TO = ARGV[1], ARGV[2]

local format = redis.call('GET', KEYS[1])
if format and string.sub(format, 1, #FROM + 1) == FROM .. ' ' then
  format = TO .. string.sub(format, #FROM + 1)
  redis.call('SET', KEYS[1], format)
end
return format
