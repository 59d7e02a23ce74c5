/** The pieces a reading passes through, one by one: `deno task bench:micro`. */
import {
  encodeReading,
  joinContainers,
  SCHEMA_FINGERPRINT,
  SCHEMA_TEXT,
} from "../../lib/avro/mod.ts";
import { crc32c } from "../../lib/crc32c.ts";
import { parseAddressBlock } from "../../lib/cidr.ts";
import type { Reading } from "../../lib/core/mod.ts";
import { sunspecDefinitions } from "../../lib/drivers/mod.ts";
import { planReads } from "../../lib/modbus/mod.ts";
import { parseEndpointSpec, simulateDevice } from "../../lib/simulate/mod.ts";
import { compileLayout, decodePoints, scaled } from "../../lib/sunspec/mod.ts";

const definitions = await sunspecDefinitions(undefined);
const { models, baseAddress } = parseEndpointSpec("1,103,160:4");
const identity = {
  manufacturer: "Helio",
  model: "H-10",
  options: "",
  version: "1.2",
  serialNumber: "SN0001",
};
const device = await simulateDevice(
  { identity, unitId: 1, seed: 1, baseAddress, models },
  definitions,
);
const map = device.mapAt(0);
const inverter = await definitions.get(103);
if (!inverter) throw new Error("Model 103 is built in");
const layout = compileLayout(inverter, 50, () => undefined);
const image = new DataView(map.buffer, map.byteOffset + (2 + 68) * 2, 52 * 2);
const points = decodePoints(layout, image);

const reading: Reading = {
  kind: "reading",
  device: {
    id: "Helio-H-10-SN0001",
    ...identity,
    endpoint: "127.0.0.1:502",
    unitId: 1,
    parent: null,
  },
  source: {
    driver: "sunspec",
    name: "sunspec/103",
    modelId: 103,
    modelName: inverter.name,
    instance: 1,
    address: 40_070,
    length: 50,
  },
  collectedAt: 1_795_000_000_000_000,
  clockSynced: null,
  points,
  registers: null,
  gap: null,
};
const payload = encodeReading(reading).payload;
const entries = Array.from({ length: 100 }, (_, i) => ({
  position: i + 1,
  topic: "t",
  schema: SCHEMA_FINGERPRINT,
  payload,
  createdAt: 0,
  clockSynced: null,
}));
const schemas = new Map([[SCHEMA_FINGERPRINT, SCHEMA_TEXT]]);
const batch = { collector: "c", epoch: 1, topic: "t", entries, schemas };
const atoms = layout.leaves.map(({ offset, definition }) => ({
  address: 40_070 + offset,
  quantity: definition.size,
  partner: undefined,
  block: 0,
}));

Deno.bench("scale one value", () => {
  scaled(2304, -1);
});
Deno.bench("decode model 103 (36 points)", () => {
  decodePoints(layout, image);
});
Deno.bench("encode a reading of model 103", () => {
  encodeReading(reading).payload;
});
Deno.bench(`checksum of a reading (${payload.length} bytes)`, () => {
  crc32c(payload);
});
for (const codec of ["null", "deflate", "zstandard"] as const) {
  Deno.bench(`join 100 readings into a container, codec ${codec}`, () => {
    joinContainers(batch, 100, codec);
  });
}
Deno.bench("plan the requests for model 103", () => {
  planReads(atoms, { maxRegisters: 125, barriers: new Set() });
});
Deno.bench("list the addresses of a /20", () => {
  Array.from(parseAddressBlock("10.0.0.0/20").addresses());
});
