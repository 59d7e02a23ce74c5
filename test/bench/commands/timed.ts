import { neutralEnvironment, temporaryFolder } from "../../program.ts";
import type { Figures } from "../measurement.ts";
import { median } from "../statistics.ts";

/** What a run of a program took. */
export interface Timed {
  readonly wallMs: number;
  /** In user space and in the kernel, as getrusage tells. */
  readonly cpuMs: number;
  readonly out: string;
  readonly err: string;
}

/** Has bash time a program: it sees the CPU time of a child that has ended, by the microsecond. */
const SCRIPT =
  'to=$1; shift; TIMEFORMAT="%3R %3U %3S"; { time "$@" >"$to.out" 2>"$to.err"; } 2>"$to"';

/**
 * Runs a program to its end.
 *
 * @throws when it fails
 */
export async function timed(command: readonly string[], cwd?: string): Promise<Timed> {
  using folder = temporaryFolder();
  const to = `${folder.path}/time`;
  const { code } = await new Deno.Command("bash", {
    args: ["-c", SCRIPT, "bash", to, ...command],
    cwd: cwd ?? folder.path,
    clearEnv: true,
    env: { ...neutralEnvironment(), XDG_CONFIG_HOME: folder.path, NO_COLOR: "1", LC_ALL: "C" },
    stdin: "null",
  }).output();
  const [out, err] = [await Deno.readTextFile(`${to}.out`), await Deno.readTextFile(`${to}.err`)];
  if (code !== 0) throw new Error(`"${command.join(" ")}" ended with ${code}: ${err.slice(-500)}`);
  const [real, user, system] = (await Deno.readTextFile(to)).trim().split(" ").map(Number);
  const cpuMs = ((user ?? Number.NaN) + (system ?? Number.NaN)) * 1000;
  return { wallMs: (real ?? Number.NaN) * 1000, cpuMs, out, err };
}

/** Runs a program so often, and gives the medians of what that took. */
export async function timedOften(command: readonly string[], times: number): Promise<Figures> {
  const runs: Timed[] = [];
  for (let i = 0; i < times; i++) runs.push(await timed(command));
  return {
    wall_ms: median(runs.map(({ wallMs }) => wallMs)),
    cpu_ms: median(runs.map(({ cpuMs }) => cpuMs)),
  };
}
