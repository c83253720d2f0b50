-- Looks up the country, the network and the autonomous system of an address in a map: `NETWORK COUNTRY;CONTINENT;NETWORK;ASN;NAME`.
local places = Map.new("places.map", Map._ip)

core.register_action("geo", { "http-req" }, function(txn)
  local found = places:lookup(txn.sf:req_hdr_ip("x-client"))
  if found then
    local country, continent, network, asn, name = found:match("(.-);(.-);(.-);(.-);(.*)")
    txn:set_var("txn.beside.country", country)
    txn:set_var("txn.beside.continent", continent)
    txn:set_var("txn.beside.network", network)
    txn:set_var("txn.beside.asn", asn)
    txn:set_var("txn.beside.organisation", name)
  end
  txn:set_var("txn.beside.action", "allow")
end)
