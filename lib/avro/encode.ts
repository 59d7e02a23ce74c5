import { Buffer } from "node:buffer";
import avro from "avsc";
import type { Gap, Reading } from "../core/mod.ts";
import { BODY_SCHEMA } from "./schema.ts";

const bodyType = avro.Type.forSchema(JSON.parse(BODY_SCHEMA));

/** Encodes a reading without its first three fields (collector, epoch, position). */
export function encodeBody(reading: Reading): Uint8Array {
  const { device, source } = reading;
  return bodyType.toBuffer({
    kind: reading.kind,
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
    collected_at: reading.collectedAt,
    clock_synced: reading.clockSynced,
    points: reading.points,
    registers: reading.registers && asBuffer(reading.registers),
    gap: reading.gap,
  });
}

function asBuffer(bytes: Uint8Array): Uint8Array {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** A gap record: rows that left the buffer before an output had them. */
export function gapReading(collector: string, gap: Gap): Reading {
  return { ...collectorReading(collector, "gap", "collector/gap", gap.to), gap };
}

/**
 * An event: something a reader of the data should know that is no reading.
 *
 * @param event a word for programs, as `epoch_changed`
 * @param text a sentence for people
 * @param at Unix microseconds
 */
export function eventReading(collector: string, event: string, text: string, at: number): Reading {
  const point = { value: null, unit: null, quality: null };
  return {
    ...collectorReading(collector, "event", "collector/event", at),
    points: [{ ...point, name: "event", text: event }, { ...point, name: "message", text }],
  };
}

function collectorReading(
  collector: string,
  kind: "gap" | "event",
  name: string,
  collectedAt: number,
): Reading {
  return {
    kind,
    device: {
      id: collector,
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
      driver: "sunspool",
      name,
      modelId: null,
      modelName: null,
      instance: null,
      address: null,
      length: null,
    },
    collectedAt,
    clockSynced: null,
    points: [],
    registers: null,
    gap: null,
  };
}
