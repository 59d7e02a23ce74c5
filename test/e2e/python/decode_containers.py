"""Decodes Avro container files with fastavro.

Standard input: container files, each after its length (4 bytes, big-endian).
Standard output: one JSON object a record; timestamps are microseconds, bytes hexadecimal.
"""

import datetime
import io
import json
import struct
import sys

import fastavro

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def to_json(value):
    if isinstance(value, datetime.datetime):
        return (value - EPOCH) // datetime.timedelta(microseconds=1)
    if isinstance(value, bytes):
        return value.hex()
    raise TypeError(value)


data = sys.stdin.buffer.read()
at = 0
while at < len(data):
    (length,) = struct.unpack_from(">i", data, at)
    at += 4
    for record in fastavro.reader(io.BytesIO(data[at : at + length])):
        print(json.dumps(record, default=to_json))
    at += length
