/**
 * Runs the units under systemd itself, as process 1 of name spaces of its own, with the executable as
 * it is handed out: it unpacks itself in its sandbox, starts, tells its state, is examined, reads its
 * configuration anew, is started again when it hangs or is killed, stops, polls and drains once, is
 * uninstalled and installed.
 * Takes half a minute; needs root, systemd and overlayfs.
 *
 *     deno task systemd
 */
// deno-lint-ignore-file no-console
import { installFiles } from "../../lib/service_install.ts";
import { serviceFiles } from "../../lib/service_units.ts";
import { bundle } from "../../scripts/build/bundle.ts";
import { makeExecutable } from "../../scripts/build/extractor.ts";
import { zippedRuntimeFor } from "../../scripts/build/runtime.ts";

const WANTED: Readonly<Record<string, RegExp>> = {
  state: /^active$/,
  status: /^1 of 1 devices answer/,
  user: /^sunspool$/,
  no_new_privileges: /^1$/,
  capabilities: /^0+$/,
  seccomp: /^2$/,
  buffer: /^sunspool 600$/,
  doctor: /^0 2$/,
  reloaded: /^1 of 2 devices answer/,
  after_reload: /^0 active$/,
  after_hang: /^1 active$/,
  after_kill: /^2 active$/,
  stopped: /^success 0$/,
  "sunspool-poll.service": /^success 0$/,
  "sunspool-drain.service": /^success 0$/,
  unchanged: /^7$/,
  while_enabled: /^4$/,
  removed: /^7$/,
  gone: /^0$/,
  anew: /^active sunspool 750$/,
  files: /^[1-9]/,
};
const DEADLINE = "120";

const here = await Deno.makeTempDir({ prefix: "sunspool-systemd-" });
try {
  const program = `${here}/program`;
  await bundle(program);
  const machine = Deno.build.arch === "x86_64" ? "x64" : "arm64";
  const zippedRuntime = await Deno.readFile(await zippedRuntimeFor(machine));
  const executable = await makeExecutable(machine, { zippedRuntime, program });
  await Deno.writeFile(`${here}/sunspool`, executable.stream());
  await Deno.copyFile(new URL("judge.sh", import.meta.url), `${here}/judge.sh`);
  const files = serviceFiles("/usr/local/bin/sunspool").filter(({ name }) =>
    name !== "serial.conf"
  );
  await installFiles(files, { root: here, force: false });
  const boot = new URL("boot.sh", import.meta.url).pathname;
  const spaces = ["unshare", "-m", "-p", "-u", "-i", "-n", "-f", "--kill-child"];
  const { stdout, stderr } = await new Deno.Command("timeout", {
    args: ["-s", "KILL", DEADLINE, ...spaces, "bash", boot, here],
  }).output();
  const said = new TextDecoder().decode(stdout);
  const seen = new Map(
    said.split("\n").map((line) => {
      const at = line.indexOf("=");
      return [line.slice(0, at), line.slice(at + 1)] as const;
    }),
  );
  const faults = Object.entries(WANTED).filter(([name, want]) => !want.test(seen.get(name) ?? ""));
  console.log(said.trimEnd());
  for (const [name, want] of faults) console.error(`systemd: ${name} is not ${want}`);
  if (faults.length > 0) console.error(new TextDecoder().decode(stderr).slice(-4000));
  console.log(`${Object.keys(WANTED).length - faults.length} as wanted, ${faults.length} not`);
  Deno.exitCode = faults.length === 0 ? 0 : 1;
} finally {
  await Deno.remove(here, { recursive: true });
}
