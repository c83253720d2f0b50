"""The decision of the message `judge`, and the parser of a block of headers that the libraries for Python lack."""

ARGUMENTS = "src src_port dst_port tls id method version path query host ua".split()


def varint(block, at):
    number = block[at]
    at += 1
    if number < 240:
        return number, at
    shift = 4
    while True:
        byte = block[at]
        at += 1
        number += byte << shift
        shift += 7
        if byte < 128:
            return number, at


def headers(block):
    """Returns the names and values in a block as `req.hdrs_bin` encodes them."""
    found, at = [], 0
    while True:
        size, at = varint(block, at)
        name = block[at : at + size]
        at += size
        size, at = varint(block, at)
        value = block[at : at + size]
        at += size
        if not name:
            return found
        found.append((name, value))


def cookies(block):
    found = {}
    for name, value in headers(block):
        if name == b"cookie":
            for part in value.split(b";"):
                key, _, text = part.strip().partition(b"=")
                found.setdefault(key, text)
    return found


def allows(block):
    """Returns whether two cookies have the values that let a request pass."""
    found = cookies(block)
    return len(found.get(b"session", b"")) == 32 and found.get(b"theme") == b"dark"


def score(ip):
    """Returns the score of an address, as the example `ip-reputation` has it."""
    return ip.packed[-1] % 101
