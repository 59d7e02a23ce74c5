/**
 * The program on a clock that runs fast, with something that hangs as soon as SIGUSR1 comes:
 *
 *     hanging.ts append|delivery|supervisor|loop|thread_loop|thread_death|nothing ARGS
 *
 * What a thread does it begins as soon as there is a file `hang`.
 */
import { BUFFER_THREAD, offerThreads, THREAD_NAME } from "../../lib/thread.ts";
import { hangOnSignal, hasten, serveHangingThread } from "../hangs.ts";

async function run(what: string, args: readonly string[]): Promise<never> {
  hasten();
  hangOnSignal(what);
  offerThreads(import.meta.url);
  const { commands } = await import("../../commands/mod.ts");
  const { main, processIo } = await import("../../lib/cli/mod.ts");
  const program = { version: "test", commands, namesSerialPort: () => false };
  Deno.exit(await main(program, args, processIo()));
}

const [what = "", ...args] = Deno.args;
if (THREAD_NAME === BUFFER_THREAD) serveHangingThread(what, "hang");
else await run(what, args);
