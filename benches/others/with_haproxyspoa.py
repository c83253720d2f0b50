"""`with_haproxyspoa.py PORT`: an agent with haproxyspoa, with the messages `get-ip-reputation` and `judge`."""

import sys

from haproxyspoa.payloads.ack import AckPayload, ActionVarScope
from haproxyspoa.spoa_server import SpoaServer
from judge import allows, score

agent = SpoaServer()


@agent.handler("get-ip-reputation")
async def get_ip_reputation(ip, **_):
    return AckPayload().set_var(ActionVarScope.SESSION, "ip_score", score(ip))


@agent.handler("judge")
async def judge(src, src_port, dst_port, tls, id, method, version, path, query, host, ua, headers):
    return AckPayload().set_txn_var("action", "allow" if allows(bytes(headers)) else "deny")


agent.run(host="127.0.0.1", port=int(sys.argv[1]))
