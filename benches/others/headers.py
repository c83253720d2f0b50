"""Lets a request pass if two of its cookies have the right values."""

from judge import allows

MESSAGE, ARGUMENTS = "inspect", ["headers"]


def answer(arguments):
    return {"action": "allow" if allows(bytes(arguments["headers"])) else "deny"}
