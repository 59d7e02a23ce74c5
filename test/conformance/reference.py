"""Decodes register images with pysunspec2, one request and one answer a line.

Request: a model's registers from its ID on, hexadecimal.
Answer: {"leaves": {"A": [raw, exact], ...}, "error": "..."}; a leaf is named as in "module[2].DCW".
`raw` is what get_dict() gives, `exact` the value after scaling: {"number": "230.4"}, {"text": "..."},
{"symbols": [...]}, or null. What JSON does not hold comes as text: integers beyond 2^53, infinities.
Pads are left out.
"""

import ipaddress
import json
import math
import sys
from decimal import Context, Decimal

import sunspec2.mdef as mdef
import sunspec2.modbus.client as client

SAFE = 2**53 - 1
BLANKS = " \t\n\v\f\r\0"
CONTEXT = Context(prec=400)


class Image:
    """A device that is one model's registers at address 0."""

    def __init__(self, data):
        self.data = data

    def read(self, addr, count):
        return self.data[int(addr) * 2 : int(addr + count) * 2]

    def is_connected(self):
        return True


def jsonable(value):
    if isinstance(value, int) and abs(value) > SAFE:
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    return value


def plain(number):
    """A decimal without exponent and without zeros that say nothing."""
    text = format(number, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def scale_factor(point):
    """The power of ten as pysunspec2 looks it up; without one the value stays as it is."""
    if point.sf is None:
        return point.sf_value or 0
    factor = point.group.points.get(point.sf) or point.model.points[point.sf]
    return factor.value or 0


def exact(point, value):
    """The value after scaling, by exact decimal arithmetic; strings as people read them."""
    kind = point.pdef[mdef.TYPE]
    if value is None:
        return None
    if kind == mdef.TYPE_STRING:
        return {"text": value.rstrip(BLANKS)}
    if kind == mdef.TYPE_IPADDR:
        return {"text": str(ipaddress.IPv4Address(value))}
    if kind == mdef.TYPE_IPV6ADDR:
        return {"text": str(ipaddress.IPv6Address(bytes.fromhex(value.replace(":", ""))))}
    if kind == mdef.TYPE_EUI48:
        return {"text": value}
    symbols = point.pdef.get(mdef.SYMBOLS) or []
    names = {int(symbol["value"]): symbol["name"] for symbol in reversed(symbols)}
    if kind in (mdef.TYPE_ENUM16, mdef.TYPE_ENUM32):
        return {"text": names[value]} if value in names else {"number": str(value)}
    if kind.startswith("bitfield"):
        bits = [bit for bit in range(64) if value >> bit & 1]
        return {"symbols": [names.get(bit, f"BIT_{bit}") for bit in bits]}
    if isinstance(value, float):
        return {"number": plain(Decimal(repr(value)))} if math.isfinite(value) else {"text": repr(value)}
    return {"number": plain(CONTEXT.scaleb(Decimal(value), scale_factor(point)))}


def leaves(group, values, prefix=""):
    for name, point in group.points.items():
        if point.pdef[mdef.TYPE] != mdef.TYPE_PAD:
            yield prefix + name, [jsonable(values[name]), exact(point, values[name])]
    for name, member in group.groups.items():
        if isinstance(member, list):
            for i, inner in enumerate(member):
                yield from leaves(inner, values[name][i], f"{prefix}{name}[{i}].")
        else:
            yield from leaves(member, values[name], f"{prefix}{name}.")


def decode(data):
    model_id, length = (int.from_bytes(data[at : at + 2], "big") for at in (0, 2))
    model = client.SunSpecModbusClientModel(
        model_id=model_id, model_addr=0, model_len=length, data=data[:4], mb_device=Image(data)
    )
    model.read()
    return {"leaves": dict(leaves(model, model.get_dict())), "error": model.error_info.strip()}


for line in sys.stdin:
    try:
        answer = decode(bytes.fromhex(line))
    except Exception as error:
        answer = {"leaves": {}, "error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer, allow_nan=False), flush=True)
