import { defineCommand } from "../lib/cli/define.ts";
import { modelWords } from "../lib/compose/model_words.ts";
import { print } from "../lib/cli/mod.ts";
import { say, string } from "../lib/cli/values.ts";
import { merge, object } from "../lib/cli/word_groups.ts";
import { argument, flag, multiple } from "../lib/cli/words.ts";
import { filelessConfigOf } from "../lib/compose/fileless_config.ts";
import {
  configOptions,
  deviceFlags,
  endpointArgument,
  formatOptions,
  recordOptions,
} from "../lib/compose/options.ts";
import { DeviceAccess } from "../lib/compose/devices.ts";
import { forEachUnit, isOneUnit, snapshotTable } from "../lib/compose/units.ts";

/** `sunspool read`. */
export const command = defineCommand({
  name: "read",
  summary: "Read a device once and print its values",
  description:
    "Prints the values of all models, or of those named: by id or name, a point behind a dot. " +
    "Values are scaled and exact; what the device does not implement is empty (null in JSON).",
  examples: [
    ["sunspool read 192.168.1.20", "everything"],
    ["sunspool read 192.168.1.20 103.W 160.DCW", "alternating power, and power of each string"],
    ["sunspool read 192.168.1.20:1502 103 --unit 126 --json", "one model as JSON"],
    ["sunspool read 192.168.1.20 103 --raw", "integers as on the wire, unscaled"],
    ["sunspool read 192.168.1.20 103.W --explain", "where that value comes from"],
  ],
  needs: { net: "always", read: "start", write: "start" },
  wordsFor: modelWords,
  opensDevices: true,
  parser: merge(
    object({
      endpoint: endpointArgument,
      select: multiple(argument(string({ metavar: "MODEL[.POINT]" }), {
        description: say("103, inverter_three_phase, 103.W, 160.module[0].DCW; all when left out"),
      })),
      explain: flag("--explain", {
        description: say("Show how each value came about: address, words, type, scale factor"),
      }),
      raw: flag("--raw", { description: say("Integers as on the wire, unscaled") }),
      format: formatOptions,
    }),
    deviceFlags,
    recordOptions,
    configOptions,
  ),
  async run({ endpoint, select, raw, explain, format, unit, within, ...flags }, io) {
    using access = new DeviceAccess(await filelessConfigOf(flags, io));
    return await forEachUnit(access, endpoint, { unit, within }, io, (device, signal) => {
      return device.snapshot({ select, raw, valueless: false, explain }, signal);
    }, (snapshots) => {
      print(io, format, {
        documents: snapshots.map(({ document }) => document),
        table: snapshotTable(snapshots),
        isSingle: isOneUnit(unit),
      });
    });
  },
});
