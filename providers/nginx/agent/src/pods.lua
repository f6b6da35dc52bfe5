-- Chooses a pod for each request. Written by the agent of Portolan, and the same on every node.
--
-- The servers of upstreams stand in the file pods.table beside it, which the agent replaces as a
-- whole where pods come and go. Each worker looks at its first line when it is asked and reads the
-- rest where that is another one than before, so that nothing needs a reload:
--
--     portolan-pods 1 0f343b0931126a20
--     shop_web_http-1a2b3c4d 3 10000 10.1.0.7|8080|1|0 [fd00::7]|8080|1|1
--     end
--
-- A line has the upstream, max_fails, fail_timeout in milliseconds, and its servers: address, port,
-- weight, and 1 for one that is asked only while no other answers.

local balancer = require "ngx.balancer"

local TABLE = ngx.config.prefix() .. "pods.table"

-- How many seconds a worker does not look again.
local PAUSE = 0.02

-- What the balancer answers where there is no server: nginx's own NGX_BUSY, for clients 502.
local NOBODY = -3

-- How often each server failed, and which ones are left out, for all workers.
local failures = ngx.shared.portolan_failures

local pods = {}

local head, looked = nil, 0
local lines, upstreams = {}, {}

local function parse_server(word)
  local host, port, weight, stands_by = word:match("^([%x%.:%[%]]+)|(%d+)|(%d+)|([01])$")
  if not host then return nil end
  return {
    name = host .. ":" .. port,
    host = host,
    port = tonumber(port),
    weight = tonumber(weight),
    stands_by = stands_by == "1",
    down_until = 0,
  }
end

-- The upstream that a line stands for. Servers that were there before keep their turn.
local function parse(key, line, before)
  local max_fails, fail_timeout, words = line:match("^(%d+) (%d+)(.*)$")
  if not max_fails then return nil end
  local upstream = {
    key = key,
    line = line,
    max_fails = tonumber(max_fails),
    fail_timeout = tonumber(fail_timeout) / 1000,
    changes = -1,
    servers = {},
  }
  local turns = {}
  for _, server in ipairs(before and before.servers or {}) do turns[server.name] = server.turn end
  for word in words:gmatch("%S+") do
    local server = parse_server(word)
    if not server then return nil end
    -- Workers do not all begin with the same one.
    local chance = ngx.crc32_short(server.name .. ngx.worker.pid())
    server.turn = turns[server.name] or chance % (server.weight + 1)
    upstream.servers[#upstream.servers + 1] = server
  end
  return upstream
end

local function read()
  local file = io.open(TABLE, "r")
  if not file then return end
  local first = file:read("*l")
  if first == head then
    file:close()
    return
  end
  local rest = file:read("*a")
  file:close()
  if not first or not first:find("^portolan%-pods 1 %x+$") or rest:sub(-4) ~= "end\n" then
    ngx.log(ngx.ERR, "what lies at ", TABLE, " cannot be read; the pods of before stay")
    head = first
    return
  end
  local found = {}
  for key, line in rest:gmatch("([^ \n]+) ([^\n]*)\n") do found[key] = line end
  head, lines = first, found
end

-- The upstream as it is now. One that is not in the table any more stays as it was: a worker that
-- ends may still need it.
local function find(key)
  local now = ngx.now()
  if now - looked >= PAUSE or now < looked then
    looked = now
    read()
  end
  local line, known = lines[key], upstreams[key]
  if line and not (known and known.line == line) then
    local parsed = parse(key, line, known)
    if parsed then
      upstreams[key], known = parsed, parsed
    else
      ngx.log(ngx.ERR, "the line of ", key, " in ", TABLE, " cannot be read; its pods of before stay")
      lines[key] = nil
    end
  end
  return known
end

local function name_of(upstream, server)
  return upstream.key .. " " .. server.name
end

-- Learns of failures that other workers saw.
local function refresh(upstream)
  local changes = failures:get("changes") or 0
  if changes == upstream.changes then return end
  upstream.changes = changes
  for _, server in ipairs(upstream.servers) do
    server.down_until = math.max(server.down_until, failures:get("down " .. name_of(upstream, server)) or 0)
  end
end

local function note_failure(upstream, server)
  if upstream.max_fails == 0 then return end
  local name = name_of(upstream, server)
  local count = failures:incr("fails " .. name, 1, 0, upstream.fail_timeout)
  if not count or count < upstream.max_fails then return end
  server.down_until = ngx.now() + upstream.fail_timeout
  failures:set("down " .. name, server.down_until, upstream.fail_timeout)
  -- When it is asked again, one more failure is enough.
  failures:set("fails " .. name, upstream.max_fails - 1, 2 * upstream.fail_timeout)
  failures:incr("changes", 1, 0)
  ngx.log(ngx.WARN, "the server ", server.name, " of ", upstream.key, " is left out for ", upstream.fail_timeout, " s")
end

local function note_success(upstream, server)
  if not server.is_tried_again then return end
  server.is_tried_again, server.down_until = false, 0
  failures:delete("fails " .. name_of(upstream, server))
end

-- The next server by weight, as nginx takes turns: smoothly.
local function next_of(upstream, is_eligible)
  local best, total = nil, 0
  for _, server in ipairs(upstream.servers) do
    if is_eligible(server) then
      server.turn = server.turn + server.weight
      total = total + server.weight
      if not best or server.turn > best.turn then best = server end
    end
  end
  if best then best.turn = best.turn - total end
  return best
end

-- Servers that live and were not tried, then those that stand by. Where all are left out, they are
-- asked all the same: that is better than no answer.
local function choose(upstream, tried)
  local now = ngx.now()
  local function lives(stands_by)
    return function(server)
      return server.stands_by == stands_by and not tried[server.name] and server.down_until <= now
    end
  end
  local chosen = next_of(upstream, lives(false)) or next_of(upstream, lives(true))
  if chosen and chosen.down_until > 0 then
    -- One request tries it, until it is known how that went.
    chosen.is_tried_again, chosen.down_until = true, now + upstream.fail_timeout
  end
  return chosen
    or next_of(upstream, function(server) return not tried[server.name] end)
    or next_of(upstream, function() return true end)
end

-- Has a request passed on to a server of an upstream; called again where that one failed.
function pods.balance(key)
  local upstream = find(key)
  if not upstream or #upstream.servers == 0 then return ngx.exit(NOBODY) end
  local asked = ngx.ctx.portolan_pods
  if asked and asked.upstream.key == key and balancer.get_last_failure() then
    if balancer.get_last_failure() == "failed" then note_failure(asked.upstream, asked.server) end
  else
    asked = { tried = {} }
    ngx.ctx.portolan_pods = asked
    -- proxy_next_upstream_tries is the limit below that.
    if #upstream.servers > 1 then balancer.set_more_tries(#upstream.servers - 1) end
  end
  refresh(upstream)
  local server = choose(upstream, asked.tried)
  asked.upstream, asked.server = upstream, server
  asked.tried[server.name] = true
  local is_set, problem = balancer.set_current_peer(server.host, server.port)
  if not is_set then
    ngx.log(ngx.ERR, "the server ", server.name, " cannot be asked: ", problem)
    return ngx.exit(NOBODY)
  end
end

-- Notes how the last server of a request did: one that sent no header failed, unless the client
-- did not wait for it.
function pods.done()
  local asked = ngx.ctx.portolan_pods
  if not asked then return end
  local last = (ngx.var.upstream_header_time or ""):match("(%S+)%s*$")
  if last == "-" then
    if ngx.status ~= 499 then note_failure(asked.upstream, asked.server) end
  elseif last then
    note_success(asked.upstream, asked.server)
  end
end

-- The first line of the table that this worker goes by.
function pods.head()
  read()
  return head or ""
end

package.loaded.portolan_pods = pods
return pods
