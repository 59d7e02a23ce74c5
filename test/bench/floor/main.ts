/**
 * The floor: what remains of a collector when it keeps no promise. Polls all devices each second;
 * with a topic also turns registers to doubles, encodes, stores, joins containers and sends them. No
 * definitions, scale factors, checks, retries, log or metrics.
 *
 *     deno run -A test/bench/floor/main.ts CONFIG
 */
import { Device } from "./device.ts";
import type { FloorConfig } from "./config.ts";

const config: FloorConfig = JSON.parse(Deno.readTextFileSync(Deno.args[0] ?? ""));
const devices = config.endpoints.map((endpoint) => new Device(endpoint));
await Promise.all(devices.map((device) => device.connected));
const keep = config.kafka
  ? await (await import("./pipeline.ts")).openPipeline(config.folder, config.kafka)
  : () => {};

async function poll(device: Device): Promise<void> {
  if (device.isBusy) return;
  device.isBusy = true;
  for (const read of config.reads) keep(device.endpoint, await device.read(read));
  device.isBusy = false;
}

setInterval(() => {
  for (const device of devices) poll(device);
}, config.intervalMs);
