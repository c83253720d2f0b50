"""`task_with_spoe_forge.py TASK PORT [OPTION]...`: an agent with spoe-forge for a task: `headers`, `tokens` or `places`."""

import importlib
import sys

from spoe_forge import ActionScope, AgentContext, SetVarAction, SpoeForge

task = importlib.import_module(sys.argv[1])
agent = SpoeForge(name=sys.argv[1], debug=False)


@agent.message(task.MESSAGE)
async def answer(ctx: AgentContext):
    variables = task.answer({name: ctx.get_arg(name) for name in task.ARGUMENTS})
    return [SetVarAction(scope=ActionScope.TRANSACTION, name=name, value=value) for name, value in variables.items()]


agent.run(host="127.0.0.1", port=int(sys.argv[2]))
