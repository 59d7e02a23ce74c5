import { commands } from "../../../commands/mod.ts";
import type { Bench, Measurement, Trial } from "../measurement.ts";
import type { Plan } from "../plans.ts";
import { floorProgram, formsOfSunspool } from "./programs.ts";
import { timedOften } from "./timed.ts";

const FLOOR = "floor: an empty program";

/** What others need before they do anything. */
const PEERS: readonly Peer[] = [
  { subject: "mbpoll -h", needs: ["mbpoll"], command: () => ["mbpoll", "-h"] },
  { subject: "kcat -V", needs: ["kcat"], command: () => ["kcat", "-V"] },
  {
    subject: "pysunspec2 imported",
    needs: ["python"],
    command: (python) => [python, "-c", "import sunspec2.modbus.client"],
  },
  {
    subject: "pymodbus imported",
    needs: ["python"],
    command: (python) => [python, "-c", "import pymodbus.client"],
  },
];

interface Peer extends Required<Pick<Trial, "subject" | "needs">> {
  command(python: string): readonly string[];
}

/** How long each command takes before it does its work. */
export const startUp: Measurement = {
  name: "start-up",
  title: "Starting",
  ratio: "cpu_ms",
  parts: [{
    about: "From start to end; the help of a command loads what the command needs at once.",
    columns: [
      { key: "wall_ms", title: "time, ms", digits: 0 },
      { key: "cpu_ms", title: "CPU, ms", digits: 0 },
    ],
  }],
  trials,
};

function trials({ repeats, commands: wanted }: Plan): readonly Trial[] {
  const names = commands.map(({ name }) => name).filter((name) => wanted?.includes(name) ?? true);
  const lines = [["version"], ["--help"], ...names.map((name) => [name, "--help"])];
  const floor = {
    row: "nothing",
    subject: FLOOR,
    run: () => timedOften(floorProgram("nothing"), repeats),
  };
  const own = lines.flatMap((line) =>
    formsOfSunspool().map(({ subject, command }) => ({
      row: `\`${line.join(" ")}\``,
      subject,
      against: FLOOR,
      run: () => timedOften([...command, ...line], repeats),
    }))
  );
  const peers = PEERS.map(({ subject, needs, command }) => ({
    row: "others",
    subject,
    against: FLOOR,
    needs,
    run: ({ tools: { python = "" } }: Bench) => timedOften(command(python), repeats),
  }));
  return [floor, ...own, ...peers];
}
