import type { Gap, Reading } from "../core/mod.ts";
import { Places } from "./places.ts";
import { PointsEncoder } from "./points_encoder.ts";
import { Writer } from "./writer.ts";

/** A reading without its first three fields (collector, epoch, position). */
export interface EncodedBody {
  /** The record. */
  readonly payload: Uint8Array;
  /** Where its numbers stand, eight bytes each: what differs from one reading to the next. */
  readonly numbers: Uint32Array;
}

/** A time of our days takes so many bytes. */
const TIME_BYTES = 8;
/** What a poll of some devices gives; a reading that waits for others in the buffer keeps all of it. */
const ROOM_BYTES = 32 * 1024;

/** Encodes readings, in the order of the fields of the schema's body. */
class BodyEncoder {
  readonly #writer = new Writer(ROOM_BYTES);
  readonly #numbers = new Places();
  readonly #points = new PointsEncoder(this.#writer, this.#numbers);
  readonly #string = (value: string): void => this.#writer.string(value);
  readonly #long = (value: number): void => this.#writer.long(value);
  readonly #boolean = (value: boolean): void => this.#writer.boolean(value);

  encode(reading: Reading): EncodedBody {
    this.#writer.begin();
    this.#numbers.begin();
    this.#origin(reading);
    const writer = this.#writer;
    const timeAt = writer.at;
    writer.long(reading.collectedAt);
    if (writer.at - timeAt === TIME_BYTES) this.#numbers.add(timeAt);
    writer.optional(reading.clockSynced, this.#boolean);
    this.#points.encode(reading.points);
    writer.optional(reading.registers, (bytes) => this.#registers(bytes));
    writer.optional(reading.gap, (gap) => this.#gap(gap));
    return { payload: writer.taken(), numbers: this.#numbers.taken() };
  }

  #origin({ kind, device, source }: Reading): void {
    const writer = this.#writer;
    writer.string(kind);
    writer.string(device.id);
    writer.string(device.manufacturer);
    writer.string(device.model);
    writer.string(device.version);
    writer.string(device.serialNumber);
    writer.string(device.endpoint);
    writer.long(device.unitId);
    writer.optional(device.parent, this.#string);
    writer.string(source.driver);
    writer.string(source.name);
    writer.optional(source.modelId, this.#long);
    writer.optional(source.instance, this.#long);
    writer.optional(source.address, this.#long);
    writer.optional(source.length, this.#long);
    writer.optional(source.modelName, this.#string);
  }

  #registers(bytes: Uint8Array): void {
    this.#writer.sized(bytes);
    const [end, first] = [this.#writer.at, this.#writer.at - bytes.length];
    for (let at = first; at + 8 <= end; at += 8) this.#numbers.add(at);
    // The last eight may have been told of in part.
    if (bytes.length > 8 && bytes.length % 8 > 0) this.#numbers.add(end - 8);
  }

  #gap({ output, first, last, count, reason, from, to }: Gap): void {
    const writer = this.#writer;
    writer.string(output);
    for (const value of [first, last, count]) writer.long(value);
    writer.string(reason);
    for (const value of [from, to]) writer.long(value);
  }
}

const encoder = new BodyEncoder();

/** Encodes a reading without its first three fields, and says where its numbers stand. */
export function encodeReading(reading: Reading): EncodedBody {
  return encoder.encode(reading);
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
