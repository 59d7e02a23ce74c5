import assert from "node:assert/strict";
import { commands } from "../../commands/mod.ts";
import { main } from "../../lib/cli/mod.ts";
import { serviceFiles } from "../../lib/service_units.ts";
import { captureIo } from "../cli/captured_io.ts";

async function systemd(...args: readonly string[]) {
  const io = captureIo();
  const program = { version: "0", commands, namesSerialPort: () => false };
  const code = await main(program, ["systemd", ...args], io);
  return { code, out: io.written, err: io.told };
}

Deno.test("systemd print shows every file behind its place, or one alone", async () => {
  const files = serviceFiles("/usr/local/bin/sunspool");
  const all = await systemd("print");
  assert.equal(all.code, 0);
  for (const { name, path, text } of files) {
    assert.ok(all.out.includes(`# ${path}\n${text}`), name);
    assert.deepEqual(await systemd("print", name), { code: 0, out: text, err: "" });
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
