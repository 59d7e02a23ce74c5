import { Clock } from "../clock.ts";
import { type Format, type Io, print, type Table } from "../cli/mod.ts";
import { type Config, settings } from "../config/mod.ts";
import { type Device, messageOf, type SnapshotOptions } from "../core/mod.ts";
import { DeviceNames, passingNames, placeOfDevice } from "./device_names.ts";
import type { KnownDevice } from "./known_device.ts";
import { logOf } from "./log.ts";
import { snapshotTable } from "./units.ts";

/** Where the readings of `poll` go. */
export interface PollSink extends AsyncDisposable {
  /** Gives the ids a device is known by: its own, then its children's. */
  name(device: Device): Promise<readonly string[]>;
  /** Reads a device once and passes on what it says; gives how many readings that were. */
  take(device: KnownDevice, statics: boolean, signal: AbortSignal): Promise<number>;
}

/** Prints one document a poll. */
export function printingSink(io: Io, format: Format, options: SnapshotOptions): PollSink {
  let hasHeader = false;
  const names = passingNames(io);
  return {
    name: (device) => names.name(device, placeOfDevice(device)),
    async take(device, _statics, signal) {
      const snapshot = await device.snapshot(options, signal);
      // Every poll has the same columns.
      const values = snapshotTable([snapshot], true);
      const table = withTime(values, snapshot.document, device.identity.id);
      if (format === "table" || format === "csv") {
        const text = capture(io, format, table);
        io.out(hasHeader ? text.slice(text.indexOf("\n") + 1) : text);
        hasHeader = true;
      } else {
        print(io, format, { documents: [snapshot.document], table, isSingle: true });
      }
      return table.rows.length;
    },
    async [Symbol.asyncDispose]() {},
  };
}

function withTime({ columns, rows }: Table, document: object, device: string): Table {
  const time = "read_at" in document ? String(document.read_at) : "";
  return {
    columns: ["time", "device", ...columns],
    rows: rows.map((row) => [time, device, ...row]),
  };
}

function capture(io: Io, format: Format, table: Table): string {
  let text = "";
  const into = { ...io, out: (part: string) => text += part };
  print(into, format, { documents: [], table, isSingle: true });
  return text;
}

/** Appends to the buffer. */
export async function storingSink(config: Config): Promise<PollSink> {
  const [{ openBuffer, stamperAfter, toEntry }, { Events }] = await Promise.all([
    import("./buffer.ts"),
    import("./events.ts"),
  ]);
  const path = config.get(settings.buffer.path);
  const buffer = openBuffer(config, "append");
  const clock = await Clock.start();
  const log = logOf(config);
  new Events(buffer, log).tellOfDamage(path, clock.synced);
  const stamper = await stamperAfter(buffer, clock);
  const names = new DeviceNames({
    deviceId: (identity, place, isTaken) => buffer.deviceId(identity, place, isTaken),
    log,
  }, () => true);
  return {
    name: (device) => names.name(device, placeOfDevice(device)),
    async take(device, statics, signal) {
      const readings = (await device.read({ statics }, signal))
        .map((reading) => stamper.stamp(reading));
      try {
        await buffer.append(readings.map(toEntry));
      } catch (cause) {
        throw new Error(`Cannot keep readings in buffer "${path}": ${messageOf(cause)}`, { cause });
      }
      return readings.length;
    },
    [Symbol.asyncDispose]() {
      clock[Symbol.dispose]();
      return buffer[Symbol.asyncDispose]();
    },
  };
}
