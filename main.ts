import { commands } from "./commands/mod.ts";
import { main, processIo } from "./lib/cli/mod.ts";
import { namesSerialPort } from "./lib/config/serial.ts";
import { BUFFER_THREAD, offerThreads, THREAD_NAME } from "./lib/thread.ts";
import { VERSION } from "./lib/version.ts";

if (THREAD_NAME === BUFFER_THREAD) {
  (await import("./lib/compose/buffer_thread.ts")).serveCollectorsBuffer();
} else {
  offerThreads(import.meta.url);
  Deno.exit(await main({ version: VERSION, commands, namesSerialPort }, Deno.args, processIo()));
}
