-- Asks trackgate whether a request may pass, by HAProxy's own HTTP client. Where to ask stands in TRACKGATE_URL.

local place = assert(os.getenv("TRACKGATE_URL"), "set TRACKGATE_URL before lua-load")

-- What is set on a request that may pass; the client's own lines of these names go.
local told = {
    "x-trackgate-user", "x-trackgate-subject", "x-trackgate-grants", "x-trackgate-scheme", "x-trackgate-service",
    "x-trackgate-assertion", "x-request-id",
}

-- Lines that are about one message or one connection, or that name the original request.
local own = {
    ["connection"] = true, ["content-length"] = true, ["expect"] = true, ["host"] = true, ["keep-alive"] = true,
    ["proxy-connection"] = true, ["te"] = true, ["trailer"] = true, ["transfer-encoding"] = true, ["upgrade"] = true,
    ["x-forwarded-method"] = true, ["x-forwarded-uri"] = true, ["x-forwarded-host"] = true,
}

-- All lines of one name; HAProxy counts them from 0 or from 1.
local function lines(values)
    local all = {}
    for index = 0, #values do
        if values[index] ~= nil then all[#all + 1] = values[index] end
    end
    return all
end

local function question(txn)
    local headers = {}
    for name, values in pairs(txn.http:req_get_headers()) do
        if not own[name] then headers[name] = lines(values) end
    end
    headers["x-forwarded-method"] = { txn.sf:method() }
    headers["x-forwarded-uri"] = { txn.sf:pathq() }
    headers["x-forwarded-host"] = { txn.sf:req_fhdr("host") }
    -- Behind what the client or a proxy before us says: the last address is the one that counts.
    local through = headers["x-forwarded-for"] or {}
    through[#through + 1] = txn.sf:src()
    headers["x-forwarded-for"] = through
    return headers
end

local function pass(txn, answer)
    for name in pairs(txn.http:req_get_headers()) do
        if name:gsub("[_.]", "-"):sub(1, 12) == "x-trackgate-" then txn.http:req_del_header(name) end
    end
    for _, name in ipairs(told) do
        local values = answer.headers[name]
        txn.http:req_set_header(name, values and lines(values)[1] or "")
    end
end

local function refuse(txn, answer)
    local reply = txn:reply()
    -- A tracker's words may stand under another status than the one by which the question was refused.
    local real = answer.headers["x-trackgate-status"]
    reply:set_status(tonumber(real and lines(real)[1]) or answer.status)
    for name, values in pairs(answer.headers) do
        if not own[name] and name ~= "x-trackgate-status" then
            for _, value in ipairs(lines(values)) do reply:add_header(name, value) end
        end
    end
    reply:set_body(answer.body or "")
    txn:done(reply)
end

local function unanswered(txn)
    local reply = txn:reply()
    reply:set_status(503)
    reply:add_header("cache-control", "no-store")
    txn:done(reply)
end

core.register_action("trackgate", { "http-req" }, function(txn)
    local asked, answer = pcall(function()
        return core.httpclient():get({ url = place, headers = question(txn), timeout = 5000 })
    end)
    if not asked or answer == nil or answer.status == nil or answer.status < 200 then
        if not asked then core.log(core.err, "trackgate: " .. tostring(answer)) end
        unanswered(txn)
    elseif answer.status == 200 then
        pass(txn, answer)
    else
        refuse(txn, answer)
    end
end)
