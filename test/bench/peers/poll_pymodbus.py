"""Polls devices each second with pymodbus: registers only, nothing decoded, kept nowhere."""

import asyncio
import json
import sys

from pymodbus.client import AsyncModbusTcpClient


async def poll(device, reads):
    while True:
        due = asyncio.get_running_loop().time() + 1
        for read in reads:
            answer = await device.read_holding_registers(read["address"], count=read["quantity"])
            if answer.isError():
                sys.exit(f"{answer}")
        await asyncio.sleep(max(due - asyncio.get_running_loop().time(), 0))


async def opened(endpoint):
    host, port = endpoint.split(":")
    device = AsyncModbusTcpClient(host, port=int(port))
    await device.connect()
    return device


async def main():
    with open(sys.argv[1]) as file:
        config = json.load(file)
    devices = [await opened(endpoint) for endpoint in config["endpoints"]]
    await asyncio.gather(*(poll(device, config["reads"]) for device in devices))


asyncio.run(main())
