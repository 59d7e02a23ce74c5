/**
 * The program, which at its end tries what somebody would try who has taken it over: in the main
 * thread, and in a worker. What came of it is the last line on standard error.
 *
 *     deno run -A --no-prompt test/security/probe.ts COMMAND [ARGUMENT…]
 *
 * @module
 */
import { commands } from "../../commands/mod.ts";
import { main, type Permission, processIo } from "../../lib/cli/mod.ts";
import { namesSerialPort } from "../../lib/config/serial.ts";

/** What came of each attempt: `done`, or the name of the error. */
export type Probed = Readonly<Record<Permission | "process", string>>;

/** Self-contained: its text is the worker's. */
async function attempts() {
  const tried = async (attempt: () => unknown) => {
    try {
      await attempt();
      return "done";
    } catch (error) {
      if (!(error instanceof Error)) return String(error);
      return error.message.includes("Requires import access") ? "NotCapable" : error.name;
    }
  };
  const remote = "https://127.0.0.1:9/taken_over.ts";
  return {
    read: await tried(() => Deno.readTextFileSync("/etc/shadow")),
    write: await tried(() => Deno.writeTextFileSync("probe-was-here.txt", "")),
    net: await tried(() => Deno.listen({ hostname: "127.0.0.1", port: 0 }).close()),
    sys: await tried(() => Deno.hostname()),
    run: await tried(() => new Deno.Command("/bin/true").outputSync()),
    ffi: await tried(() => Deno.dlopen("libc.so.6", {}).close()),
    import: await tried(() => import(remote)),
    process: await tried(() => Deno.readTextFileSync("/proc/self/environ")),
  };
}

async function inWorker(): Promise<unknown> {
  const source = `(${attempts.toString()})().then((probed) => postMessage(probed));`;
  const worker = new Worker(`data:text/javascript,${encodeURIComponent(source)}`, {
    type: "module",
  });
  const probed = await new Promise((resolve) =>
    worker.addEventListener("message", ({ data }) => resolve(data))
  );
  worker.terminate();
  return probed;
}

if (import.meta.main) {
  const io = processIo();
  const code = await main({ version: "0", commands, namesSerialPort }, Deno.args, io);
  const probed = { main: await attempts(), worker: await inWorker() };
  io.err(`\nprobed ${JSON.stringify(probed)}\n`);
  Deno.exit(code);
}
