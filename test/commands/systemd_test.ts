import assert from "node:assert/strict";
import { commands } from "../../commands/mod.ts";
import { main } from "../../lib/cli/mod.ts";
import { serviceFiles } from "../../lib/service_units.ts";
import { run as runTool } from "../../scripts/services.ts";
import { captureIo } from "../cli/captured_io.ts";
import { temporaryFolder } from "../program.ts";
import { serviceTest } from "../services.ts";

async function systemd(...args: readonly string[]) {
  const io = captureIo();
  const program = { version: "0", commands, namesSerialPort: () => false };
  const code = await main(program, ["systemd", ...args], io);
  return { code, out: io.written, err: io.told, givenUp: io.givenUp };
}

Deno.test("systemd print shows every file behind its place, or one alone", async () => {
  const files = serviceFiles("/usr/local/bin/sunspool");
  const all = await systemd("print");
  assert.equal(all.code, 0);
  for (const { name, path, text } of files) {
    assert.ok(all.out.includes(`# ${path}\n${text}`), name);
    const { code, out, givenUp } = await systemd("print", name);
    assert.deepEqual([code, out, givenUp.includes("write")], [0, text, true]);
  }
});

Deno.test("the units start the program where it is", async () => {
  const { out } = await systemd("print", "sunspool.service", "--program", "/opt/sunspool/sunspool");
  assert.match(out, /^ExecStart=\/opt\/sunspool\/sunspool collect --config \/etc\/sunspool\//m);
  for (const path of ["sunspool", "/opt/a b", "/opt/a\nExecStartPre=/bin/sh", ""]) {
    const { code, err } = await systemd("print", "--program", path);
    assert.equal(code, 2, err);
  }
});

Deno.test("a file that there is not is told with those that there are", async () => {
  const { code, err } = await systemd("print", "sunspool.socket");
  assert.equal(code, 1);
  assert.match(
    err,
    /There is no file "sunspool\.socket"; there are sysusers, tmpfiles, sunspool\./,
  );
});

/** Everything below a folder, by path: what a file holds. */
function filesBelow(root: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const { name, isDirectory } of Deno.readDirSync(root)) {
    const path = `${root}/${name}`;
    if (!isDirectory) found[`/${name}`] = Deno.readTextFileSync(path);
    else {for (const [below, text] of Object.entries(filesBelow(path))) {
        found[`/${name}${below}`] = text;
      }}
  }
  return found;
}

const UNIT = "/etc/systemd/system/sunspool.service";

serviceTest(
  "systemd install puts all files but serial.conf in their places, and systemd takes them",
  ["systemd-analyze"],
  async ({ "systemd-analyze": analyze }) => {
    using folder = temporaryFolder();
    const { path: root } = folder;
    const first = await systemd("install", "--root", `${root}/`, "--program", "/bin/true");
    assert.equal(first.code, 0, first.err);
    assert.match(first.err, /^warning: ".*\/bin\/true" is not there; the units start it\nnext: /);
    const wanted = serviceFiles("/bin/true").filter(({ name }) => name !== "serial.conf");
    const installed = filesBelow(root);
    assert.deepEqual(Object.keys(installed).sort(), wanted.map(({ path }) => path).sort());
    for (const { path, text } of wanted) {
      assert.ok(installed[path]?.startsWith(text), path);
      assert.ok(first.out.includes(`wrote ${root}${path}\n`), first.out);
      assert.equal((Deno.statSync(root + path).mode ?? 0) & 0o777, 0o644, path);
    }
    const units = Object.keys(installed).filter((path) => path.startsWith("/etc/systemd/"));
    const verified = await runTool(analyze, [
      "verify",
      "--man=no",
      ...units.map((at) => root + at),
    ]);
    assert.deepEqual([verified.code, verified.stdout, verified.stderr], [0, "", ""]);

    const again = await systemd("install", "--root", root, "--program", "/bin/true");
    assert.doesNotMatch(again.out, /wrote/);
    assert.deepEqual(filesBelow(root), installed);
  },
);

Deno.test("systemd install brings files of its own up to date, and leaves changed ones alone", async () => {
  using folder = temporaryFolder();
  const { path: root } = folder;
  const install = (...more: readonly string[]) => systemd("install", "--root", root, ...more);
  await install();
  const moved = await install("--program", "/opt/sunspool");
  assert.ok(moved.out.includes(`wrote ${root}${UNIT}\n`), moved.err);

  const changed = Deno.readTextFileSync(root + UNIT).replace("WatchdogSec=60", "WatchdogSec=90");
  Deno.writeTextFileSync(root + UNIT, changed);
  Deno.removeSync(`${root}/etc/tmpfiles.d/sunspool.conf`);
  const before = filesBelow(root);
  for (const action of ["install", "uninstall"]) {
    const { code, err } = await systemd(action, "--root", root);
    assert.equal(code, 4);
    assert.match(err, /^error: Cannot replace or remove ".*sunspool\.service": it was changed,/);
    assert.deepEqual(filesBelow(root), before, "nothing is done");
  }
  assert.equal((await install("--force")).code, 0);
  assert.match(Deno.readTextFileSync(root + UNIT), /^WatchdogSec=60$/m);
});

Deno.test("systemd install takes over what was printed into its place", async () => {
  using folder = temporaryFolder();
  const { path: root } = folder;
  Deno.mkdirSync(`${root}/etc/systemd/system`, { recursive: true });
  Deno.writeTextFileSync(root + UNIT, (await systemd("print", "sunspool.service")).out);
  const { code, out, err } = await systemd("install", "sunspool.service", "--root", root);
  assert.equal(code, 0, err);
  assert.equal(out, `wrote ${root}${UNIT}\n`);
});

Deno.test("systemd uninstall removes what install wrote, once nothing is enabled", async () => {
  using folder = temporaryFolder();
  const { path: root } = folder;
  const uninstall = () => systemd("uninstall", "--root", root);
  await systemd("install", "--root", root);
  await systemd("install", "serial.conf", "--root", root);
  const wants = `${root}/etc/systemd/system/multi-user.target.wants`;
  Deno.mkdirSync(wants);
  Deno.symlinkSync(UNIT, `${wants}/sunspool.service`);
  const enabled = await uninstall();
  assert.equal(enabled.code, 4);
  assert.match(enabled.err, /sunspool\.service is enabled; first: systemctl disable --root=/);
  Deno.removeSync(`${wants}/sunspool.service`);
  const { code, out, err } = await uninstall();
  assert.equal(code, 0, err);
  assert.equal(out.match(/^removed /gm)?.length, serviceFiles("/").length);
  assert.deepEqual(filesBelow(root), {});
});

Deno.test("systemd install says what keeps it from it", async () => {
  using folder = temporaryFolder();
  const { path: root } = folder;
  const user = await systemd("install");
  assert.deepEqual([user.code, user.out], [4, ""]);
  assert.match(
    user.err,
    /^error: Cannot install: it takes root, as in: sudo sunspool systemd inst/,
  );
  const nowhere = await systemd("install", "--root", `${root}/nowhere`);
  assert.equal(nowhere.code, 1);
  assert.match(nowhere.err, /there is no such folder/);
  const packaged = `${root}/usr/lib/systemd/system`;
  Deno.mkdirSync(packaged, { recursive: true });
  Deno.writeTextFileSync(`${packaged}/sunspool.service`, "[Service]\n");
  const hidden = await systemd("install", "--root", root);
  assert.equal(hidden.code, 4);
  assert.match(hidden.err, /is of a package, whose units are used already/);
});
