import { defineCommand } from "../lib/cli/define.ts";
import { print } from "../lib/cli/mod.ts";
import { say } from "../lib/cli/values.ts";
import { merge, object } from "../lib/cli/word_groups.ts";
import { flag } from "../lib/cli/words.ts";
import { filelessConfigOf } from "../lib/compose/fileless_config.ts";
import {
  configOptions,
  deviceFlags,
  endpointArgument,
  formatOptions,
} from "../lib/compose/options.ts";
import { DeviceAccess } from "../lib/compose/devices.ts";
import type { KnownDevice } from "../lib/compose/known_device.ts";
import { forEachUnit, isOneUnit } from "../lib/compose/units.ts";
import { type Config, settings } from "../lib/config/mod.ts";
import { type Endpoint, formatEndpoint, type Setting } from "../lib/core/mod.ts";
import type { Pauses } from "../lib/modbus/mod.ts";

const COMMON_MODEL = 1;

/** `sunspool discover`. */
export const command = defineCommand({
  name: "discover",
  summary: "Walk one device: who it is and which models it has",
  description:
    "Follows the device's chain of models and prints its identity and the models, without values. " +
    "With --write-config it prints a configuration that collect runs unchanged.",
  examples: [
    ["sunspool discover 192.168.1.20", "identity and models of unit id 1"],
    ["sunspool discover 192.168.1.20 --unit auto", "try the unit ids that vendors use"],
    ["sunspool discover 192.168.1.20 --write-config > sunspool.toml", "begin a configuration file"],
  ],
  needs: { net: "always", read: "start" },
  opensDevices: true,
  parser: merge(
    object({
      endpoint: endpointArgument,
      writeConfig: flag("--write-config", {
        description: say("Print TOML for collect instead"),
      }),
      format: formatOptions,
    }),
    deviceFlags,
    configOptions,
  ),
  async run(options, io) {
    const { endpoint } = options;
    const config = await filelessConfigOf(options, io);
    using access = new DeviceAccess(config);
    const devices: KnownDevice[] = [];
    const code = await forEachUnit(access, endpoint, options, io, async (device, signal) => {
      devices.push(device);
      // What a device gives at once shows only when it is read.
      const valueless = !options.writeConfig;
      return await device.snapshot({ select: [], raw: false, valueless }, signal);
    }, (snapshots) => {
      if (options.writeConfig) {
        const { pauses } = access.sessions.get(endpoint);
        return io.out(configText(endpoint, devices, config, pauses));
      }
      const rows = devices.flatMap(modelRows);
      print(io, options.format, {
        documents: snapshots.map(({ document }) => document),
        table: {
          columns: ["device", "unit", "model", "name", "instance", "address", "length"],
          rows,
        },
        isSingle: isOneUnit(options.unit),
      });
    });
    return code;
  },
});

/** A row a model, under the device that it is of: a second common model begins a child. */
function modelRows({ identity, children, sources }: KnownDevice): string[][] {
  const owners = [identity, ...children];
  let owner = -1;
  return sources.map(({ modelId, modelName, instance, address, length }) => {
    if (modelId === COMMON_MODEL) owner++;
    return [
      owners[Math.max(owner, 0)]?.id ?? identity.id,
      String(identity.unitId),
      String(modelId ?? ""),
      modelName ?? "(unknown)",
      String(instance ?? ""),
      String(address ?? ""),
      String(length ?? ""),
    ];
  });
}

/** A configuration with these devices, and with what it took to find and read them. */
function configText(
  endpoint: Endpoint,
  devices: readonly KnownDevice[],
  config: Config,
  { connectMs, readMs }: Pauses,
): string {
  const given = (key: string, setting: Setting<unknown>): string[] => {
    const value = config.get(setting);
    const isOwn = value !== undefined && config.originOf(setting) !== "default";
    return isOwn ? [`${key} = ${JSON.stringify(value)}`] : [];
  };
  const { sunspec, modbus } = settings;
  const most = Math.min(...devices.flatMap(({ maxRegisters = [] }) => maxRegisters));
  const learned = most < config.get(modbus.maxBatchSize) ? [`max_registers = ${most}`] : undefined;
  const modelsDir = given("models_dir", sunspec.modelsDir);
  const lines = [
    "# Made by: sunspool discover --write-config. Run it with: sunspool collect --config FILE",
    "",
    ...(modelsDir.length > 0 ? ["[sunspec]", ...modelsDir, ""] : []),
    "[[devices]]",
    `endpoint = ${JSON.stringify(formatEndpoint(endpoint))}`,
    `unit_ids = [${devices.map(({ identity }) => identity.unitId).join(", ")}]`,
    ...given("base_address", sunspec.baseAddress),
    ...given("timeout_ms", modbus.timeoutMs),
    ...learned ?? given("max_registers", modbus.maxBatchSize),
    ...(connectMs > 0 ? [`connect_delay_ms = ${connectMs}`] : []),
    ...(readMs > 0 ? [`inter_read_delay_ms = ${readMs}`] : []),
    ...devices.flatMap(({ identity, children }) => [
      `# ${identity.unitId}: ${identity.id}`,
      ...children.map(({ id }) => `# ${identity.unitId}: ${id}, behind it`),
    ]),
  ];
  return `${lines.join("\n")}\n`;
}
