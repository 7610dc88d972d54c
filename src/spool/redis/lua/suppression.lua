-- In front of scripts that make or take back suppressions. KEYS[1]: a hash by key (address, client and stream, each ended by a zero
-- but the last), with '' for the number that was given last; KEYS[2]: the keys in order; KEYS[3]: by number; KEYS[4]: by their end.

local ENTRIES, ORDER, NUMBERS, ENDS = KEYS[1], KEYS[2], KEYS[3], KEYS[4]

-- Greater than any before, also where a failover lost some of them: the server's clock goes on.
local function nextNumber()
  local now = redis.call('TIME')
  local last = tonumber(redis.call('HGET', ENTRIES, '') or '0')
  return math.max(last + 1, tonumber(now[1]) * 1000000 + tonumber(now[2]))
end

local function write(key, until_, value, number)
  local text = string.format('%.0f', number)
  redis.call('HSET', ENTRIES, key, value, '', text)
  redis.call('ZADD', ORDER, 0, key)
  redis.call('ZADD', NUMBERS, text, key)
  if until_ == '' then redis.call('ZREM', ENDS, key) else redis.call('ZADD', ENDS, until_, key) end
end

-- Unless one was made later; says whether it did.
local function make(key, at, until_, rest, number)
  local known = tonumber(string.match(redis.call('HGET', ENTRIES, key) or '', '^(%S+) ') or '')
  if known and known > tonumber(at) then return false end
  write(key, until_, at .. ' ' .. until_ .. ' ' .. rest, number)
  return true
end

-- Returns how many there were: 1 or 0.
local function lift(key)
  redis.call('ZREM', ORDER, key)
  redis.call('ZREM', NUMBERS, key)
  redis.call('ZREM', ENDS, key)
  return redis.call('HDEL', ENTRIES, key)
end
