-- As much of postmqtt's work as Lua can do in Envoy: the topic, QoS and retain are checked, the client is named by its claim,
-- the topic is permitted or not, and the request leaves in normal form. Lua in Envoy has no JSON and decodes no Base64, so User
-- Properties and Correlation Data are only checked for their alphabet. A refusal names the first violation alone.

local PATH = "/mqtt/messages"
local ONCE = { "mqtt-qos", "mqtt-retain", "mqtt-response-topic", "mqtt-correlation-data", "mqtt-user-properties", "content-type" }
local BASE64 = { "mqtt-correlation-data", "mqtt-user-properties" }
local DEFAULTS = { ["mqtt-qos"] = "1", ["mqtt-retain"] = "0" }

local function refuse(request, status, code)
  request:respond({ [":status"] = status, ["content-type"] = "application/problem+json" }, '{"code":"' .. code .. '"}')
end

local function decode(text)
  if text:gsub("%%%x%x", ""):find("%", 1, true) then return nil end
  return (text:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

local function encode(text)
  return (text:gsub("[^%w%-._~]", function(character) return string.format("%%%02X", character:byte()) end))
end

local function is_topic_name(topic)
  if topic == nil or topic == "" or #topic > 256 or topic:sub(1, 1) == "$" then return false end
  return not topic:find("[%z\1-\31\127+#]") and select(2, topic:gsub("/", "")) < 15
end

function envoy_on_request(request)
  local fields = request:headers()
  local target = fields:get(":path")
  local path, query = target:match("^([^?]*)%??(.*)$")
  if path ~= PATH then return end
  if fields:get(":method") ~= "POST" then return refuse(request, "405", "MethodNotAllowed") end
  fields:remove("x-mqtt-client-id")
  fields:remove("x-mqtt-cluster")

  local parameters = {}
  for name, value in query:gmatch("([^&=]+)=?([^&]*)") do
    if parameters[name] then return refuse(request, "400", "DuplicateParameter") end
    parameters[name] = value
  end
  for _, name in ipairs(ONCE) do
    if fields:getNumValues(name) > 1 then return refuse(request, "400", "DuplicateParameter") end
  end
  local topic = parameters.topic and decode(parameters.topic)
  if not is_topic_name(topic) then return refuse(request, "403", "InvalidTopic") end
  local response_topic = fields:get("mqtt-response-topic")
  if response_topic and not is_topic_name(decode(response_topic)) then
    return refuse(request, "400", "InvalidResponseTopic")
  end
  for name, default in pairs(DEFAULTS) do
    local value = fields:get(name)
    if value == nil then
      fields:replace(name, default)
    elseif value ~= "0" and value ~= "1" then
      return refuse(request, "400", "InvalidParameter")
    end
  end
  for _, name in ipairs(BASE64) do
    local value = fields:get(name)
    if value and not value:find("^[%w+/]*=?=?$") then return refuse(request, "400", "InvalidBase64") end
  end
  if (tonumber(fields:get("content-length") or "0") or 0) > 524288 then return refuse(request, "413", "PayloadTooLarge") end

  local claims = request:streamInfo():dynamicMetadata():get("envoy.filters.http.jwt_authn")
  local client = claims and claims.jwt and claims.jwt.oid
  if client == nil then return refuse(request, "401", "Unauthenticated") end
  local own = "clients/" .. client .. "/"
  if topic:sub(1, 8) ~= "devices/" and topic:sub(1, #own) ~= own then return refuse(request, "403", "NotPermitted") end

  local normal = PATH .. "?topic=" .. encode(topic)
  if parameters["api-version"] then normal = normal .. "&api-version=" .. parameters["api-version"] end
  if normal ~= target then fields:replace(":path", normal) end
  fields:replace("x-mqtt-client-id", encode(client))
end
