import { start } from "../../program.ts";
import { lookAt } from "./mute.ts";
import type { FloorConfig } from "../floor/config.ts";
import { BASE_ADDRESS } from "../simulator/device.ts";
import type { Place, Poller } from "./subject.ts";
import { topicFigures } from "./topic.ts";

const MAIN = new URL("../floor/main.ts", import.meta.url).pathname;
const DEADLINE_MS = 120_000;

/** Models 103 and 160 with their headers: what changes, and what a collector reads at each poll. */
export const READS = [
  { address: BASE_ADDRESS + 70, quantity: 52 },
  { address: BASE_ADDRESS + 122, quantity: 90 },
];

/** A bare Deno program that exchanges the same requests; with a topic, the bare way to Kafka too. */
export async function startFloor({ endpoints, folder, kafka }: Place): Promise<Poller> {
  const config: FloorConfig = { endpoints, reads: READS, intervalMs: 1000, folder, kafka };
  await Deno.writeTextFile(`${folder}/floor.json`, JSON.stringify(config));
  const program = start(["floor.json"], {
    cwd: folder,
    program: ["run", "-A", "--quiet", MAIN],
    deadlineMs: DEADLINE_MS,
  });
  return {
    pid: program.pid,
    look: () => lookAt(program),
    finish: async (window) => {
      await lookAt(program);
      await program.stop("SIGKILL");
      return kafka ? await topicFigures(kafka, window) : {};
    },
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  };
}
