-- One thread of wrk. Arguments: file of requests ("token<TAB>number" a line), the line to begin with, mean pause in ms (0: none).
-- The pauses are spread evenly between 0 and twice the mean, so that requests come one by one and not in bursts.
local requests = {}
local at = 0

function init(args)
  wrk.method = "POST"
  local pause = tonumber(args[3])
  for line in io.lines(args[1]) do
    local token, number = line:match("^(%S+)\t(%S+)$")
    requests[#requests + 1] = wrk.format(nil, nil, {
      ["Host"] = wrk.headers["Host"],
      ["Authorization"] = "Bearer " .. token,
      ["Content-Type"] = "application/json",
    }, '{"phone_number":"' .. number .. '"}')
  end
  at = tonumber(args[2]) % #requests
  if pause > 0 then
    delay = function() return math.random(0, 2 * pause) end
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency)
  local e = summary.errors
  print(string.format(
    'RESULT {"requests":%d,"seconds":%.6f,"failed":%d,"p50Us":%d,"p99Us":%d}',
    summary.requests, summary.duration / 1e6,
    e.connect + e.read + e.write + e.status + e.timeout,
    latency:percentile(50), latency:percentile(99)
  ))
end
