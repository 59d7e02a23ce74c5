import assert from "node:assert/strict";
import { run, temporaryFolder } from "../program.ts";

const SCRIPT = new URL("../../scripts/package.ts", import.meta.url).pathname;

Deno.test("without what it takes, packaging says in one line what to install", async () => {
  using folder = temporaryFolder();
  const cwd = folder.path;
  for (const missing of ["npm", "tar", "dpkg-deb"]) {
    const { code, out, err } = await run([], {
      cwd,
      env: { PATH: cwd },
      program: ["run", "-A", "--quiet", SCRIPT],
    });
    assert.deepEqual([code, out], [1, ""]);
    assert.match(err, new RegExp(`^Cannot package: there is no ${missing} here; install it.*\n$`));
    await Deno.writeTextFile(`${cwd}/${missing}`, "#!/bin/sh\n", { mode: 0o755 });
  }
});

Deno.test("a machine that is not packaged for is wrong usage", async () => {
  using folder = temporaryFolder();
  const { code, err } = await run(["--machine", "riscv"], {
    cwd: folder.path,
    program: ["run", "-A", "--quiet", SCRIPT],
  });
  assert.equal(code, 2);
  assert.match(err, /^Cannot package for "riscv": use one of x64,arm64$/m);
});
