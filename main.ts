import { commands } from "./commands/mod.ts";
import { main, processIo } from "./lib/cli/mod.ts";
import { namesSerialPort } from "./lib/config/serial.ts";
import { VERSION } from "./lib/version.ts";

Deno.exit(await main({ version: VERSION, commands, namesSerialPort }, Deno.args, processIo()));
