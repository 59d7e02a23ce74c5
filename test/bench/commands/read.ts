import type { Bench, Measurement, Trial } from "../measurement.ts";
import type { Plan } from "../plans.ts";
import { Simulation } from "../simulation.ts";
import { floorProgram, formsOfSunspool, peerProgram } from "./programs.ts";
import { timedOften } from "./timed.ts";

const FLOOR = "floor: one request";

/** Who reads, and the command for an endpoint. */
interface Reader extends Pick<Trial, "subject" | "needs"> {
  command(endpoint: string, python: string): readonly string[];
}

const OTHERS: readonly Reader[] = [
  { subject: FLOOR, command: (endpoint) => floorProgram("read", endpoint) },
  {
    subject: "mbpoll, registers",
    needs: ["mbpoll"],
    command: (endpoint) => {
      const [host = "", port = ""] = endpoint.split(":");
      const place = ["-p", port, "-a", "1", "-t", "4", "-0", "-r", "40070", "-c", "52"];
      return ["mbpoll", "-m", "tcp", "-1", ...place, host];
    },
  },
  {
    subject: "pysunspec2",
    needs: ["python"],
    command: (endpoint, python) => peerProgram(python, "read_pysunspec2", endpoint),
  },
  {
    subject: "pymodbus, registers",
    needs: ["python"],
    command: (endpoint, python) => peerProgram(python, "read_pymodbus", endpoint),
  },
];

/** One model, from start to result. */
export const read: Measurement = {
  name: "read",
  title: "Reading model 103 once",
  ratio: "cpu_ms",
  parts: [{
    about:
      "From the start of the program to its end. sunspool and pysunspec2 find the map, walk the " +
      "models and decode; the others are told where the registers are.",
    columns: [
      { key: "wall_ms", title: "time, ms", digits: 0 },
      { key: "cpu_ms", title: "CPU, ms", digits: 0 },
    ],
  }],
  trials,
};

function trials({ repeats }: Plan): readonly Trial[] {
  const own = formsOfSunspool().map(({ subject, command }): Reader => ({
    subject,
    command: (endpoint) => [...command, "read", endpoint, "103"],
  }));
  return [...own, ...OTHERS].map(({ command, ...reader }) => ({
    ...reader,
    row: "one device",
    ...reader.subject === FLOOR ? {} : { against: FLOOR },
    run: async ({ tools: { python = "" } }: Bench) => {
      await using simulation = await Simulation.of(1);
      return await timedOften(command(simulation.endpoints[0] ?? "", python), repeats);
    },
  }));
}
