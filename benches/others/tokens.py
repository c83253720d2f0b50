"""Verifies the bearer token of a request with PyJWT. Its client keeps the keys of the issuer, and fetches them again for a new one."""

import json
import sys

import jwt
from judge import headers

MESSAGE, ARGUMENTS = "verify-token", ["headers"]
JWKS, ISSUER, AUDIENCE = sys.argv[3:]
# The times of gallery/jwt.
keys = jwt.PyJWKClient(JWKS, timeout=2, cooldown_duration=1, lifespan=600)


def answer(arguments):
    found = dict(headers(bytes(arguments["headers"])))
    token = found.get(b"authorization", b"").decode().removeprefix("Bearer ")
    try:
        key = keys.get_signing_key_from_jwt(token)
        claims = jwt.decode(
            token,
            key,
            algorithms=["RS256", "ES256"],
            issuer=ISSUER,
            audience=AUDIENCE,
            leeway=60,
            options={"require": ["exp", "iss", "aud"]},
        )
    except jwt.PyJWTError:
        return {"action": "deny"}
    variables = {"action": "allow", "claims": json.dumps(claims)}
    for variable, claim in (("subject", "sub"), ("scope", "scope")):
        if claim in claims:
            variables[variable] = claims[claim]
    return variables
