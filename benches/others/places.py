"""Looks up the country, the network and the autonomous system of an address with maxminddb."""

import ipaddress
import sys

import maxminddb

MESSAGE, ARGUMENTS = "geo", ["address"]
countries, asns = map(maxminddb.open_database, sys.argv[3:])


def answer(arguments):
    address = ipaddress.ip_address(arguments["address"])
    place, length = countries.get_with_prefix_len(address)
    system = asns.get(address) or {}
    variables = {"action": "allow"}
    if place:
        variables["country"] = place.get("country", {}).get("iso_code")
        variables["continent"] = place.get("continent", {}).get("code")
        variables["network"] = str(ipaddress.ip_network((address, length), strict=False))
    variables["asn"] = system.get("autonomous_system_number")
    variables["organisation"] = system.get("autonomous_system_organization")
    return {name: value for name, value in variables.items() if value is not None}
