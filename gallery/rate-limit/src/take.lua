-- Counts one request for each key, if all keys have room. Redis runs it as one step, with its own clock.
-- KEYS: what is counted. ARGV: the limit of each key, as a number of requests and a time in microseconds.
-- Returns how many requests are left, and after how many seconds there is room, 0 if the request was counted.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local empty_at, left, wait = {}, math.huge, 0
for i, key in ipairs(KEYS) do
  local count, span = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  local cost = math.floor(span / count)
  empty_at[i] = math.max(tonumber(redis.call('GET', key) or now), now) + cost
  left = math.min(left, math.floor((span - (empty_at[i] - now)) / cost))
  wait = math.max(wait, empty_at[i] - now - span)
end
if wait > 0 then return {0, math.ceil(wait / 1000000)} end
for i, key in ipairs(KEYS) do
  redis.call('SET', key, string.format('%.0f', empty_at[i]), 'PX', math.ceil((empty_at[i] - now) / 1000))
end
return {left, 0}
