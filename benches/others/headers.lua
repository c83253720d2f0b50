-- Lets a request pass if two of its cookies have the right values.
core.register_action("inspect", { "http-req" }, function(txn)
  local cookies = {}
  for _, line in pairs(txn.http:req_get_headers()["cookie"] or {}) do
    for name, value in line:gmatch("([^=;%s]+)=([^;]*)") do
      cookies[name] = cookies[name] or value
    end
  end
  local known = cookies["session"] and #cookies["session"] == 32
  local action = known and cookies["theme"] == "dark" and "allow" or "deny"
  txn:set_var("txn.beside.action", action)
end)
