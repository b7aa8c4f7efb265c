-- Asks Crossfade whether a request may pass: the action `lua.crossfade` of haproxy.cfg, which says where the daemon
-- listens and what to show it.

-- Where a token may stand, as in the client's `token_headers`. Nothing else of the request goes to the daemon.
local presented = { "authorization", "mcp-access-token" }
local identity =
    { "crossfade-client-id", "crossfade-secret", "crossfade-version", "crossfade-stage", "crossfade-expires" }

-- What a header says; several of one name are one list, as they are in HTTP. HAProxy counts them from 0.
local function value(headers, name)
    local given = headers[name]
    return given and table.concat(given, ", ", 0)
end

local function ask(daemon, credential, headers)
    local question = { ["crossfade-credential"] = { credential } }
    for _, name in ipairs(presented) do
        local shown = value(headers, name)
        if shown then
            -- No token is as long or has control characters. Of such a question the daemon would answer 431 or 400.
            question[name] = { (#shown > 1000 or shown:find("%c")) and "no token" or shown }
        end
    end
    -- Crossfade needs up to 2 s where it is unsure. HAProxy 2.6 asks four times before it gives up; later ones can be told
    -- `httpclient.retries 0`.
    return core.httpclient():get({ url = daemon .. "/v1/authorize", headers = question, timeout = 2500 })
end

core.register_action("crossfade", { "http-req" }, function(txn, daemon, credential)
    local answer = ask(daemon, credential, txn.http:req_get_headers())
    if answer.status == 401 then
        txn:set_var("txn.crossfade_challenge", value(answer.headers, "www-authenticate"))
        txn:set_var("txn.crossfade_body", answer.body)
        txn:set_var("txn.crossfade_status", "401")
    elseif answer.status == 200 then
        for _, name in ipairs(identity) do
            local said = value(answer.headers, name)
            -- An answer that does not say who called is not Crossfade's.
            if not said then
                return
            end
            txn.http:req_set_header(name, said)
        end
        txn:set_var("txn.crossfade", "accepted")
    end
    -- Everything else is "don't know".
end, 2)

-- Answers what haproxy.cfg refuses, and then reads on: its caller may still be sending.
core.register_service("crossfade-refuse", "tcp", function(applet)
    -- How, stands in headers that no caller can set.
    local told, line = {}, nil
    repeat
        line = applet:getline()
        local name, value = line:match("^crossfade%-(%a+): (.-)\r\n$")
        if name then
            told[name] = value
        end
    until line == "\r\n" or line == ""
    local status, more, body = "503 Service Unavailable", "retry-after: 1", '{"error":"temporarily_unavailable"}'
    if told.status == "401" then
        status, more, body = "401 Unauthorized", "www-authenticate: " .. told.challenge, told.body
    end
    applet:send(table.concat({
        "HTTP/1.1 " .. status,
        more,
        "content-type: application/json",
        "cache-control: no-store",
        "connection: close",
        "content-length: " .. #body,
        "",
        body,
    }, "\r\n"))
    -- HAProxy ends that where nothing more comes.
    local left, over = 64 * 1024 * 1024, core.now().sec + 30
    repeat
        local read = #applet:receive(16384)
        left = left - read
    until read == 0 or left < 0 or core.now().sec > over
end)

-- Lets no request through that has trailers: HAProxy 2.6 can't take them away.
local Trailers = { id = "crossfade-trailers", flags = filter.FLT_CFG_FL_HTX }
Trailers.__index = Trailers

function Trailers:new()
    return setmetatable({}, self)
end

function Trailers:start_analyze(_, channel)
    if not channel:is_resp() then
        filter.register_data_filter(self, channel)
    end
end

function Trailers:http_payload(_, message)
    -- Beside the body there is an end, which counts as 1; what is more, is trailers.
    if message:input() - #(message:body() or "") > 1 then
        error("a request with trailers is not let through")
    end
end

core.register_filter("crossfade-trailers", Trailers, function(class)
    return class
end)
