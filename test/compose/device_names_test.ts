import assert from "node:assert/strict";
import { DeviceNames } from "../../lib/compose/device_names.ts";
import { identity } from "../collect/scripted_device.ts";

Deno.test("what is behind two devices and calls itself the same there gets an id of its own", async (t) => {
  const device = (id: string, ...children: readonly string[]) => ({
    identity: identity(id),
    children: children.map((child) => identity(child, id)),
  });
  const left = device("Left", "Meter-0");
  for (
    const [name, live, found, want] of [
      ["behind both", true, device("Right", "Meter-0"), ["Right", "Meter-0@b"]],
      ["behind one, alone elsewhere", true, device("Meter-0"), ["Meter-0@b"]],
      ["of others", true, device("Right", "Meter-1"), ["Right", "Meter-1"]],
      ["it has moved", false, device("Right", "Meter-0"), ["Right", "Meter-0"]],
    ] as const
  ) {
    await t.step(name, async () => {
      const told: unknown[] = [];
      const names = new DeviceNames({
        deviceId: (id, place, isTaken) => Promise.resolve(isTaken ? `${id}@${place}` : id),
        log: (_level, _message, fields) => told.push(fields?.device),
      }, () => live);
      assert.deepEqual(await names.name(left, "a"), ["Left", "Meter-0"]);
      assert.deepEqual(await names.name(found, "b"), want);
      assert.deepEqual(told, want.filter((id) => id.includes("@")));
    });
  }
});
