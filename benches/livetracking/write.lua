-- Writes of new points: for wrk, with the arguments
--   POINTS  how many a request has
--   FIRST   the time of the first one, in milliseconds
--   RIDERS  their credentials, `name=base64` each, a comma between; they take turns
-- The points of a rider are a millisecond apart and come in order of time. Prints a line of JSON at the end; times
-- in microseconds.

local points, first, riders, paths, headers = 0, 0, 0, {}, {}
local lines, within, parts, made = {}, {}, {}, 0

-- A sample as a tracker sends it, without its time; no two of a request alike.
local function sample(n)
   return string.format("samples lat=%.6f,lng=%.6f,alt_m=%.1f,spd_kph=%.2f,hr_bpm=%d,pwr_w=%d ",
      53.1 + n * 0.00003, 18.2 + (n % 977) * 0.00002, 80 + (n % 211) * 0.1, 24 + (n % 89) * 0.1,
      120 + n % 47, 180 + n % 131)
end

function init(args)
   points, first = tonumber(args[1]), tonumber(args[2])
   for name, secret in string.gmatch(args[3], "(%w+)=([%w+/=]-),") do
      riders = riders + 1
      paths[riders] = "/write?db=" .. name
      headers[riders] = { ["Authorization"] = "Basic " .. secret, ["Host"] = "127.0.0.1" }
   end
   for n = 0, 4999 do lines[n] = sample(n) end
   -- A time is the seconds with one of these after them.
   for n = 0, 999 do within[n] = string.format("%03d000000\n", n) end
end

function request()
   local rider = made % riders + 1
   -- The first point of this request; its time is one of this rider's alone.
   local start = math.floor(made / riders) * points
   made = made + 1
   local now = first + start
   local second, millisecond = math.floor(now / 1000), now % 1000
   local text, line, count = string.format("%d", second), start % 5000, 0
   for _ = 1, points do
      parts[count + 1], parts[count + 2], parts[count + 3] = lines[line], text, within[millisecond]
      count = count + 3
      line = line + 1
      if line == 5000 then line = 0 end
      millisecond = millisecond + 1
      if millisecond == 1000 then
         second, millisecond = second + 1, 0
         text = string.format("%d", second)
      end
   end
   return wrk.format("POST", paths[rider], headers[rider], table.concat(parts, "", 1, count))
end

function done(summary, latency)
   local errors = summary.errors
   io.write(string.format(
      '\n{"requests": %d, "failed": %d, "microseconds": %d, "p50": %d, "p99": %d}\n',
      summary.requests,
      errors.connect + errors.read + errors.write + errors.status + errors.timeout,
      summary.duration, latency:percentile(50), latency:percentile(99)))
end
