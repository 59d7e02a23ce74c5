"""Serves holding registers with pymodbus: serve_image.py HOST PORT.

Standard input: {"address": N, "registers": [...]}; runs until it is killed. Prints "ready".
"""

import asyncio
import json
import sys

from pymodbus.datastore import ModbusDeviceContext, ModbusSequentialDataBlock, ModbusServerContext
from pymodbus.server import ModbusTcpServer


async def main():
    host, port = sys.argv[1], int(sys.argv[2])
    image = json.loads(sys.stdin.readline())
    # The data store counts registers from 1.
    block = ModbusSequentialDataBlock(image["address"] + 1, image["registers"])
    context = ModbusServerContext(devices=ModbusDeviceContext(hr=block), single=True)
    server = ModbusTcpServer(context, address=(host, port))
    serving = asyncio.create_task(server.serve_forever(background=True))
    await serving
    print("ready", flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
