"""Reads a device once with pysunspec2 and prints model 103: read_pysunspec2.py HOST:PORT"""

import sys

import sunspec2.modbus.client as client

host, port = sys.argv[1].split(":")
device = client.SunSpecModbusClientDeviceTCP(slave_id=1, ipaddr=host, ipport=int(port))
device.scan()
device.models[103][0].read()
print(device.models[103][0].get_dict(computed=True))
