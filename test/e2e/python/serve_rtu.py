"""Serves holding registers as RTU frames with pymodbus: serve_rtu.py tcp HOST PORT | serial PATH BAUD.

Standard input: {"address": N, "registers": [...]}; runs until it is killed. Prints "ready".
"""

import asyncio
import json
import sys

from pymodbus import FramerType
from pymodbus.datastore import ModbusDeviceContext, ModbusSequentialDataBlock, ModbusServerContext
from pymodbus.server import ModbusSerialServer, ModbusTcpServer


def server(kind, place, number, context):
    if kind == "tcp":
        return ModbusTcpServer(context, framer=FramerType.RTU, address=(place, int(number)))
    return ModbusSerialServer(context, framer=FramerType.RTU, port=place, baudrate=int(number))


async def main():
    image = json.loads(sys.stdin.readline())
    # The data store counts registers from 1.
    block = ModbusSequentialDataBlock(image["address"] + 1, image["registers"])
    context = ModbusServerContext(devices=ModbusDeviceContext(hr=block), single=True)
    await server(*sys.argv[1:4], context).serve_forever(background=True)
    print("ready", flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
