"""`places_map.py COUNTRY-DB ASN-DB`: writes the databases as a map of HAProxy: `NETWORK COUNTRY;CONTINENT;NETWORK;ASN;NAME`."""

import sys

import maxminddb

countries, asns = map(maxminddb.open_database, sys.argv[1:])
for network, place in countries:
    system = asns.get(network[0]) or {}
    values = [
        place.get("country", {}).get("iso_code"),
        place.get("continent", {}).get("code"),
        network,
        system.get("autonomous_system_number"),
        system.get("autonomous_system_organization"),
    ]
    print(network, ";".join("" if value is None else str(value) for value in values))
