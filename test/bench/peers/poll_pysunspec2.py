"""Polls devices each second with pysunspec2, one after the other: decoded, and kept nowhere."""

import json
import sys
import time

import sunspec2.modbus.client as client


def opened(endpoint):
    host, port = endpoint.split(":")
    device = client.SunSpecModbusClientDeviceTCP(slave_id=1, ipaddr=host, ipport=int(port))
    device.scan()
    return device


def poll(device):
    for model in (103, 160):
        device.models[model][0].read()


with open(sys.argv[1]) as file:
    endpoints = json.load(file)["endpoints"]
devices = [opened(endpoint) for endpoint in endpoints]
due = time.monotonic()
while True:
    for device in devices:
        poll(device)
    due = max(due + 1, time.monotonic())
    time.sleep(due - time.monotonic())
