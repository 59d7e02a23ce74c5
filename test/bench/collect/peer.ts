import { start } from "../../program.ts";
import { lookAt } from "./mute.ts";
import { READS } from "./floor.ts";
import type { Place, Poller } from "./subject.ts";

const DEADLINE_MS = 120_000;

/** A Python program that polls by the library of somebody else. */
export async function startPeer(
  python: string,
  script: "poll_pymodbus" | "poll_pysunspec2",
  { endpoints, folder }: Place,
): Promise<Poller> {
  await Deno.writeTextFile(`${folder}/peer.json`, JSON.stringify({ endpoints, reads: READS }));
  const path = new URL(`../peers/${script}.py`, import.meta.url).pathname;
  const program = start(["peer.json"], {
    cwd: folder,
    command: [python, path],
    deadlineMs: DEADLINE_MS,
  });
  return {
    pid: program.pid,
    look: () => lookAt(program),
    finish: async () => {
      await lookAt(program);
      await program.stop("SIGKILL");
      return {};
    },
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  };
}
