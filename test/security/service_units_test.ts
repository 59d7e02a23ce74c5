import assert from "node:assert/strict";
import { serviceFiles } from "../../lib/service_units.ts";
import { bundle } from "../../scripts/build/bundle.ts";
import { run as runTool } from "../../scripts/services.ts";
import { eventually, run, simulate, temporaryFolder } from "../program.ts";
import { ServiceManager } from "../service_manager.ts";
import { serviceTest } from "../services.ts";

const SANDBOX = new URL("sandbox.py", import.meta.url).pathname;
const isUnit = (name: string) => /\.(service|timer)$/.test(name);

/** Writes the units into a folder, for a program that is there. */
async function writeUnits(folder: string): Promise<string[]> {
  const units = serviceFiles("/bin/true").filter(({ name }) => isUnit(name));
  for (const { name, text } of units) await Deno.writeTextFile(`${folder}/${name}`, text);
  return units.map(({ name }) => `${folder}/${name}`);
}

serviceTest(
  "systemd finds no fault in the units, and rates their exposure 1.5 or less, with a serial port too",
  ["systemd-analyze"],
  async ({ "systemd-analyze": analyze }) => {
    using folder = temporaryFolder();
    const units = await writeUnits(folder.path);
    assert.equal(units.length, 5);
    const verified = await runTool(analyze, ["verify", "--man=no", ...units]);
    assert.deepEqual([verified.code, verified.stdout, verified.stderr], [0, "", ""]);
    const rate = async (unit: string) => {
      const words = ["security", "--offline=true", "--no-pager", "--threshold=15", unit];
      const { code, stdout } = await runTool(analyze, words);
      assert.equal(code, 0, stdout);
      return Number(/exposure level for .*?: ([\d.]+)/.exec(stdout)?.[1]);
    };
    for (const unit of units.filter((name) => name.endsWith(".service"))) {
      assert.ok(await rate(unit) <= 1.5);
    }
    const serial = serviceFiles("/bin/true").find(({ name }) => name === "serial.conf");
    const whole = `${folder.path}/with-serial.service`;
    const collect = await Deno.readTextFile(`${folder.path}/sunspool.service`);
    await Deno.writeTextFile(whole, `${collect}\n${serial?.text}`);
    assert.ok(await rate(whole) <= 1.5);
    // The rating rates: without its sandbox the same service is refused.
    const bare = `${folder.path}/bare.service`;
    await Deno.writeTextFile(bare, "[Service]\nExecStart=/bin/true\n");
    await assert.rejects(rate(bare));
  },
);

serviceTest(
  "under its unit's sandbox the bundled program finds, collects, delivers and tells the manager",
  ["python", "systemd-analyze"],
  async ({ python }) => {
    using folder = temporaryFolder();
    const { path } = folder;
    await using devices = await simulate(["--models", "1,103"], { cwd: path });
    const state = `${path}/state`;
    await Deno.mkdir(state);
    await Deno.copyFile(Deno.execPath(), `${state}/deno`);
    await bundle(`${state}/program`);
    const toml = `[[devices]]\nendpoint = "${devices.endpoints[0]}"\n[metrics]\nport = 0\n`;
    await Deno.writeTextFile(`${state}/site.toml`, toml);
    await using manager = new ServiceManager(`${state}/notify`);
    const unit = serviceFiles("/usr/local/bin/sunspool").find(({ name }) =>
      name === "sunspool.service"
    );
    await Deno.writeTextFile(`${path}/sunspool.service`, unit?.text ?? "");
    for (const name of ["", "/deno", "/program", "/site.toml", "/notify"]) {
      await Deno.chmod(`${state}${name}`, 0o777);
    }
    await Deno.chmod(path, 0o755);
    const words = ["run", "-A", "--no-prompt", "--unstable-net", "--no-config", "--no-lock"];
    const program = [`${state}/deno`, ...words, "program/sunspool.js"];
    const sandboxed = (args: readonly string[]) =>
      new Deno.Command(python, {
        args: [SANDBOX, `${path}/sunspool.service`, state, ...args],
        env: { NOTIFY_SOCKET: `${state}/notify`, HOME: state, NO_COLOR: "1" },
        stdout: "piped",
        stderr: "piped",
      });
    const child = sandboxed([...program, "collect", "--config", "site.toml"]).spawn();
    const ended = child.output();
    try {
      await eventually("it is ready", () => manager.heard.includes("READY=1"));
      await eventually(
        "devices answer",
        () => manager.heard.some((line) => line.startsWith("STATUS=1 of 1")),
      );
    } finally {
      child.kill("SIGTERM");
    }
    const { code, stderr } = await ended;
    const told = new TextDecoder().decode(stderr);
    assert.equal(code, 0, told);
    assert.match(told, /^sandbox: .*no new privileges, \d+ system calls/m);
    assert.match(told, /"stopped: devices 1, readings [1-9]\d*, file delivered [1-9]\d*, left 0"/);
    const [file] = [...Deno.readDirSync(`${state}/readings`)];
    const decoded = await run(["decode", `${state}/readings/${file?.name}`], { cwd: path });
    assert.equal(decoded.code, 0, decoded.err);
    // The sandbox holds: what the unit does not let through works outside of it alone.
    const forbidden = ["-c", "import socket; socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)"];
    const bare = await runTool(python, forbidden);
    assert.equal(bare.code, 0, bare.stderr);
    const held = await sandboxed(["/usr/bin/python3", ...forbidden]).output();
    assert.match(new TextDecoder().decode(held.stderr), /PermissionError/);
  },
);
