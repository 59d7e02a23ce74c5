"""Scans a device with pysunspec2 and prints its models as JSON: scan_device.py HOST PORT UNIT."""

import json
import sys

import sunspec2.modbus.client as client

host, port, unit = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
device = client.SunSpecModbusClientDeviceTCP(slave_id=unit, ipaddr=host, ipport=port, timeout=5)
device.scan()
models = []
for model in device.model_list:
    points = model.get_dict()
    models.append({"id": model.model_id, "address": model.model_addr, "points": points})
device.close()
print(json.dumps(models))
