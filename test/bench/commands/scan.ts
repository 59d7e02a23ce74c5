import { addressAfter } from "../../../lib/cidr.ts";
import { loopbackNet } from "../../program.ts";
import type { Measurement, Trial } from "../measurement.ts";
import type { Plan, Scan } from "../plans.ts";
import { Simulation } from "../simulation.ts";
import { floorProgram, formsOfSunspool } from "./programs.ts";
import { timed } from "./timed.ts";

const FLOOR = "floor: who answers";
/** As many as the program tries at the same time by itself. */
const CONCURRENCY = "256";

/** Finding devices, with their identity. */
export const scan: Measurement = {
  name: "scan",
  title: "Scanning",
  ratio: "cpu_ms",
  parts: [{
    about:
      "From the start of the program to its end, defaults. Other addresses refuse at once; at a " +
      "silent one the queue of a listener is full, so that the kernel drops every SYN. sunspool says " +
      "who each device is and which models it has; the floor tries 256 addresses at a time as well, " +
      "but reads the common model only, where it knows it to be.",
    columns: [
      { key: "wall_ms", title: "time, ms", digits: 0 },
      { key: "cpu_ms", title: "CPU, ms", digits: 0 },
      { key: "found", title: "found", digits: 0 },
    ],
  }],
  trials,
};

function trials({ scans }: Plan): readonly Trial[] {
  return scans.flatMap((one) => {
    const row = `/${one.prefix}, ${one.devices} devices` +
      (one.silent === 0 ? "" : `, ${one.silent} silent`);
    const own = formsOfSunspool().map(({ subject, command }) => ({
      row,
      subject,
      against: FLOOR,
      run: () =>
        search(one, (block, port) => [...command, "scan", "--force", block, "--port", port]),
    }));
    const floor = {
      row,
      subject: FLOOR,
      run: () => search(one, (block, port) => floorProgram("scan", block, port, CONCURRENCY)),
    };
    return [...own, floor];
  });
}

async function search(
  { prefix, devices, silent }: Scan,
  commandFor: (block: string, port: string) => readonly string[],
) {
  // Blocks of networks up to /20 begin at multiples of 16 in the third byte.
  const [a = "127", b = "1", c] = loopbackNet().split(".");
  const first = `${a}.${b}.${Math.floor(Number(c) / 16) * 16}.0`;
  const size = 2 ** (32 - prefix) - 2;
  const places = spread(devices + silent, size).map((place) => addressAfter(first, 1 + place));
  const isSilent = (i: number) => silent > 0 && i % 2 === 1 && i < silent * 2;
  await using simulation = await Simulation.at(
    places.filter((_, i) => !isSilent(i)),
    places.filter((_, i) => isSilent(i)),
  );
  const [, port = ""] = (simulation.endpoints[0] ?? "").split(":");
  const { wallMs, cpuMs, out, err } = await timed(commandFor(`${first}/${prefix}`, port));
  const [, found] = /(\d+) SunSpec device/.exec(err) ?? /^(\d+) found$/m.exec(out) ?? [];
  if (Number(found) !== devices) throw new Error(`Found "${found}" of ${devices}: ${err}${out}`);
  return { wall_ms: wallMs, cpu_ms: cpuMs, found: Number(found) };
}

/** So many places, evenly over 0 … size - 1. */
function spread(count: number, size: number): number[] {
  return Array.from({ length: count }, (_, i) => Math.floor(i * size / count));
}
