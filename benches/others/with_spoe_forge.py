"""`with_spoe_forge.py PORT`: an agent with spoe-forge, with the messages `get-ip-reputation` and `judge`."""

import sys

from judge import ARGUMENTS, allows, score
from spoe_forge import ActionScope, AgentContext, SetVarAction, SpoeForge

agent = SpoeForge(name="judge", debug=False)


@agent.message("get-ip-reputation")
async def get_ip_reputation(ctx: AgentContext):
    return [SetVarAction(scope=ActionScope.SESSION, name="ip_score", value=score(ctx.get_arg("ip")))]


@agent.message("judge")
async def judge(ctx: AgentContext):
    values = [ctx.get_arg(name) for name in ARGUMENTS]
    allow = allows(bytes(ctx.get_arg("headers"))) and values[0] is not None
    return [SetVarAction(scope=ActionScope.TRANSACTION, name="action", value="allow" if allow else "deny")]


agent.run(host="127.0.0.1", port=int(sys.argv[1]))
