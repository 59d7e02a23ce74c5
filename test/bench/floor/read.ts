/** Reads model 103 of a device once and prints its registers: `read.ts HOST:PORT`. */
import { Device } from "./device.ts";

const device = new Device(Deno.args[0] ?? "");
await device.connected;
const registers = await device.read({ address: 40_070, quantity: 52 });
const values = Array.from(
  { length: registers.byteLength / 2 },
  (_, i) => registers.getInt16(i * 2),
);
Deno.stdout.writeSync(new TextEncoder().encode(`${values.join(" ")}\n`));
Deno.exit(0);
