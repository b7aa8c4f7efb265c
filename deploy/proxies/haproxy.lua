-- Asks Crossfade whether a request may pass: the action `lua.crossfade` of haproxy.cfg, which says where the daemon
-- listens and what to show it.

-- Where a token may stand, as in the client's `token_headers`. Nothing else of the request goes to the daemon.
local presented = { "authorization", "mcp-access-token" }
local identity =
    { "crossfade-client-id", "crossfade-secret", "crossfade-version", "crossfade-stage", "crossfade-expires" }

-- Every value of a header, in order; HAProxy counts them from 0.
local function values(headers, name)
    local found = {}
    local of_that_name = headers[name]
    if of_that_name then
        for at = 0, #of_that_name do
            found[#found + 1] = of_that_name[at]
        end
    end
    return found
end

local function ask(daemon, credential, headers)
    local question = { ["crossfade-credential"] = { credential } }
    for _, name in ipairs(presented) do
        local given = values(headers, name)
        if #given > 0 then
            question[name] = given
        end
    end
    -- Crossfade needs up to 2 s where it is unsure. HAProxy 2.6 asks four times before it gives up; later ones can be told
    -- `httpclient.retries 0`.
    return core.httpclient():get({ url = daemon .. "/v1/authorize", headers = question, timeout = 2500 })
end

local function refuse(txn, answer)
    local headers = { ["content-type"] = { "application/json" }, ["cache-control"] = { "no-store" } }
    headers["www-authenticate"] = values(answer.headers, "www-authenticate")
    txn:done(txn:reply({ status = 401, headers = headers, body = answer.body }))
end

core.register_action("crossfade", { "http-req" }, function(txn, daemon, credential)
    local answer = ask(daemon, credential, txn.http:req_get_headers())
    if answer.status == 401 then
        refuse(txn, answer)
    elseif answer.status == 200 then
        for _, name in ipairs(identity) do
            local value = values(answer.headers, name)[1]
            -- An answer that does not say who called is not Crossfade's.
            if not value then
                return
            end
            txn.http:req_set_header(name, value)
        end
        txn:set_var("txn.crossfade", "accepted")
    end
    -- Everything else is "don't know", which haproxy.cfg answers.
end, 2)
