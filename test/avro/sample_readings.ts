import fc from "fast-check";
import type { DeviceIdentity, Gap, Point, Reading, SourceRef } from "../../lib/core/mod.ts";

/** An inverter that says all there is to say. */
export const FULL: Reading = {
  kind: "reading",
  device: {
    id: "Helio-H-10-SN0001",
    manufacturer: "Helio",
    model: "H-10",
    options: "",
    version: "1.2",
    serialNumber: "SN0001",
    endpoint: "192.0.2.7:502",
    unitId: 1,
    parent: "Helio-GW-7",
  },
  source: {
    driver: "sunspec",
    name: "sunspec/103",
    modelId: 103,
    modelName: "inverter_three_phase",
    instance: 1,
    address: 40_070,
    length: 50,
  },
  collectedAt: 1_763_694_000_123_456,
  clockSynced: true,
  points: [
    { name: "W", value: 2305.7, text: null, unit: "W", quality: null },
    { name: "St", value: 4, text: "MPPT", unit: null, quality: null },
    { name: "module[2].DCW", value: -1e-7, text: null, unit: "W", quality: "sf_split" },
    { name: "TotWh", value: null, text: "18446744073709551615", unit: "Wh", quality: null },
    { name: "Nam", value: null, text: "Süd · 北", unit: null, quality: null },
  ],
  registers: Uint8Array.of(0, 103, 0, 50, 0xff, 0xff),
  gap: null,
};

/** A device that says nothing of itself: everything that may be null is null. */
export const BARE: Reading = {
  ...FULL,
  device: {
    id: "",
    manufacturer: "",
    model: "",
    options: "",
    version: "",
    serialNumber: "",
    endpoint: "",
    unitId: 0,
    parent: null,
  },
  source: {
    driver: "sunspec",
    name: "sunspec/64001",
    modelId: null,
    modelName: null,
    instance: null,
    address: null,
    length: null,
  },
  clockSynced: null,
  points: [],
  registers: null,
};

/** Rows that an output never had. */
export const GAP: Gap = {
  output: "kafka",
  first: 101,
  last: 350,
  count: 250,
  reason: "max_age",
  from: 1_763_690_000_000_000,
  to: 1_763_690_250_000_000,
};

/** The record that a body with its first three fields decodes to. */
export function recordOf(
  { collector, epoch, position }: { collector: string; epoch: number; position: number },
  { kind, device, source, collectedAt, clockSynced, points, registers, gap }: Reading,
) {
  return {
    collector,
    epoch,
    position,
    kind,
    device: {
      id: device.id,
      manufacturer: device.manufacturer,
      model: device.model,
      version: device.version,
      serial_number: device.serialNumber,
      endpoint: device.endpoint,
      unit_id: device.unitId,
      parent: device.parent,
    },
    driver: source.driver,
    source: source.name,
    model_id: source.modelId,
    instance: source.instance,
    address: source.address,
    length: source.length,
    model_name: source.modelName,
    collected_at: collectedAt,
    clock_synced: clockSynced,
    points,
    registers: registers && registers.toHex(),
    gap,
  };
}

/** What was decoded as plain values, bytes as hexadecimal digits. */
export function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return value.toHex();
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}

const word = fc.string({ unit: "grapheme", maxLength: 20 });
const int = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const micros = fc.integer({ min: 0, max: 4_102_444_800_000_000 });
const nullable = <T>(some: fc.Arbitrary<T>) => fc.option(some, { nil: null });

const PLAIN = { noNullPrototype: true } as const;

const device: fc.Arbitrary<DeviceIdentity> = fc.record({
  id: word,
  manufacturer: word,
  model: word,
  options: fc.constant(""),
  version: word,
  serialNumber: word,
  endpoint: word,
  unitId: fc.integer({ min: 0, max: 255 }),
  parent: nullable(word),
}, PLAIN);

const source: fc.Arbitrary<SourceRef> = fc.record({
  driver: word,
  name: word,
  modelId: nullable(int),
  modelName: nullable(word),
  instance: nullable(int),
  address: nullable(int),
  length: nullable(int),
}, PLAIN);

const point: fc.Arbitrary<Point> = fc.record({
  name: word,
  value: nullable(fc.double({ noNaN: true })),
  text: nullable(word),
  unit: nullable(word),
  quality: fc.constantFrom(null, "sf_split" as const),
}, PLAIN);

/** Points of which few differ in more than their numbers. */
export const pointsOfFew: fc.Arbitrary<Point[]> = fc.array(
  fc.record({
    name: fc.constantFrom("W", "WH", "St"),
    value: fc.constantFrom(null, 0, -0, 1.5, -1e300),
    text: fc.constantFrom(null, "", "MPPT"),
    unit: fc.constantFrom(null, "W"),
    quality: fc.constantFrom(null, "sf_split" as const, "counter_held" as const),
  }, PLAIN),
  { maxLength: 12 },
);

/** avsc takes longs up to here. */
export const anyPosition: fc.Arbitrary<number> = fc.nat({ max: Number.MAX_SAFE_INTEGER - 1 });

const gap: fc.Arbitrary<Gap> = fc.record({
  output: word,
  first: anyPosition,
  last: anyPosition,
  count: anyPosition,
  reason: word,
  from: micros,
  to: micros,
}, PLAIN);

/** Any reading at all. */
export const anyReading: fc.Arbitrary<Reading> = fc.record({
  kind: fc.constantFrom("reading" as const, "gap" as const, "event" as const),
  device,
  source,
  collectedAt: micros,
  clockSynced: fc.constantFrom(true, false, null),
  points: fc.array(point, { maxLength: 8 }),
  registers: nullable(fc.uint8Array({ maxLength: 60 })),
  gap: nullable(gap),
}, PLAIN);
