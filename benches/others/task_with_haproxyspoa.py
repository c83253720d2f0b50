"""`task_with_haproxyspoa.py TASK PORT [OPTION]...`: an agent with haproxyspoa for a task: `headers`, `tokens` or `places`."""

import importlib
import sys

from haproxyspoa.payloads.ack import AckPayload
from haproxyspoa.spoa_server import SpoaServer

task = importlib.import_module(sys.argv[1])
agent = SpoaServer()


@agent.handler(task.MESSAGE)
async def answer(**arguments):
    ack = AckPayload()
    for name, value in task.answer(arguments).items():
        ack.set_txn_var(name, value)
    return ack


agent.run(host="127.0.0.1", port=int(sys.argv[2]))
