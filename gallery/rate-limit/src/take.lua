-- Counts one request for each key, if all keys have room. Redis runs it as one step, with its own clock.
-- KEYS: what is counted. ARGV: for each key the microseconds that one request costs, and those of the whole limit.
-- Returns 1 or 0, how many requests are left, and after how many microseconds there is room again.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local full_at, left, wait = {}, math.huge, 0
for i, key in ipairs(KEYS) do
  local cost, span = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  full_at[i] = math.max(tonumber(redis.call('GET', key) or now), now) + cost
  left = math.min(left, math.floor((span - (full_at[i] - now)) / cost))
  wait = math.max(wait, full_at[i] - now - span)
end
if wait > 0 then return {0, 0, wait} end
for i, key in ipairs(KEYS) do
  redis.call('SET', key, string.format('%.0f', full_at[i]), 'PX', math.ceil((full_at[i] - now) / 1000))
end
return {1, left, 0}
