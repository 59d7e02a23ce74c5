"""Reads the registers of model 103 once with pymodbus and prints them: read_pymodbus.py HOST:PORT"""

import sys

from pymodbus.client import ModbusTcpClient

host, port = sys.argv[1].split(":")
device = ModbusTcpClient(host, port=int(port))
device.connect()
print(device.read_holding_registers(40070, count=52).registers)
