import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { gzipSync } from "node:zlib";
import { VERSION } from "../../lib/version.ts";
import { bundle } from "../../scripts/build/bundle.ts";
import { makeDeb } from "../../scripts/build/deb.ts";
import { zippedRuntimeFor } from "../../scripts/build/runtime.ts";
import { run as runProgram, runOrThrow } from "../../scripts/services.ts";
import { eventually, simulate, temporaryFolder } from "../program.ts";
import { serviceTest } from "../services.ts";
import { debian } from "./debian.ts";

/** Packages for this machine, of the version as it is and of a later one. */
async function packages(folder: string): Promise<{ first: string; later: string }> {
  const program = `${folder}/program`;
  await bundle(program);
  const zippedRuntime = await Deno.readFile(await zippedRuntimeFor("x64"));
  const first = `${folder}/first.deb`;
  await makeDeb("x64", { program, zippedRuntime }, { output: first, time: 0 });
  await runOrThrow("dpkg-deb", ["--raw-extract", first, `${folder}/later`]);
  const control = await Deno.readTextFile(`${folder}/later/DEBIAN/control`);
  await Deno.writeTextFile(
    `${folder}/later/DEBIAN/control`,
    control.replace(`Version: ${VERSION}`, `Version: ${VERSION}+later`),
  );
  const later = `${folder}/later.deb`;
  await runOrThrow("dpkg-deb", [
    ...["--root-owner-group", "-Zgzip", "-z1", "--build", `${folder}/later`, later],
  ]);
  return { first, later };
}

async function exists(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}

serviceTest(
  "the Debian package installs, runs as its user, upgrades, goes back, and leaves nothing when purged",
  ["debian"],
  async ({ debian: archive }) => {
    using folder = temporaryFolder();
    await using root = await debian(archive);
    const { first, later } = await packages(folder.path);
    const before = await root.run("find", "/etc", "/usr", "/var/lib", "-path", "*sunspool*");
    assert.equal(before, "");

    await Deno.copyFile(first, `${root.path}/first.deb`);
    assert.match(
      await root.run("dpkg", "--install", "/first.deb"),
      /write \/etc\/sunspool\/config/,
    );
    assert.match(await root.run("sunspool", "version"), new RegExp(`^sunspool ${VERSION} `));
    assert.equal(
      await root.run("stat", "-c", "%U:%G %a", "/var/lib/sunspool", "/etc/sunspool/config.toml"),
      "sunspool:sunspool 750\nroot:sunspool 640\n",
    );

    assert.match(
      await root.run("cat", "/etc/sunspool/config.toml"),
      /Every key is in \/usr\/share\/doc\/sunspool\/configuration\.md/,
    );
    assert.ok(await exists(`${root.path}/usr/share/doc/sunspool/configuration.md`));

    // A cache that another user could fill is not used.
    await root.run("install", "-d", "-o", "sunspool", "/srv/sunspool");
    await root.run("env", "XDG_CACHE_HOME=/srv", "sunspool", "version");
    assert.equal(await root.run("find", "/srv/sunspool", "-mindepth", "1"), "");

    await using devices = await simulate(["--models", "1,103"], { cwd: folder.path });
    const config = `${root.path}/etc/sunspool/config.toml`;
    const text = await Deno.readTextFile(config);
    const own = `${text}\n[metrics]\nport = 0\n\n[[devices]]\nendpoint = "${
      devices.endpoints[0]
    }"\n`;
    await Deno.writeTextFile(config, own);
    const unit = await root.run("cat", "/lib/systemd/system/sunspool.service");
    const [, command = ""] = /^ExecStart=(.*)$/m.exec(unit) ?? [];
    await using collector = root.startAs("sunspool:sunspool", ...command.split(" "));
    await collector.told(/"device found"/);
    await eventually("a file is begun", () => exists(`${root.path}/var/lib/sunspool/readings`));
    const { code, err } = await collector.stop();
    assert.equal(code, 0, err);

    await Deno.copyFile(later, `${root.path}/later.deb`);
    await root.run("dpkg", "--install", "/later.deb");
    assert.match(await root.run("dpkg-query", "--show", "sunspool"), /\+later$/m);
    assert.equal(await Deno.readTextFile(config), own, "what was configured stays");
    assert.ok(await exists(`${root.path}/var/lib/sunspool/buffer.sqlite`), "and what was stored");

    await root.run("dpkg", "--install", "/first.deb");
    assert.doesNotMatch(await root.run("dpkg-query", "--show", "sunspool"), /\+later$/m);
    assert.equal(await Deno.readTextFile(config), own, "and goes back with it");

    await root.run("dpkg", "--remove", "sunspool");
    assert.ok(await exists(`${root.path}/var/lib/sunspool/buffer.sqlite`), "until it is purged");
    await root.run("dpkg", "--purge", "sunspool");
    const left = await root.run(
      ...["find", "/etc", "/usr", "/var", "-path", "/var/lib/dpkg", "-prune", "-o"],
      ...["-path", "*sunspool*", "-print"],
    );
    assert.equal(left, "");
    const { code: found } = await runProgram("grep", ["-q", "sunspool", `${root.path}/etc/passwd`]);
    assert.equal(found, 1, "its user is gone");
  },
);

Deno.test("the same contents give the same package", async () => {
  using folder = temporaryFolder();
  const program = `${folder.path}/program`;
  await Deno.mkdir(program);
  await Deno.writeTextFile(`${program}/sunspool.js`, "console.log()");
  const zippedRuntime = new Uint8Array(gzipSync("a runtime"));
  const made = ["a", "b"].map((name) => `${folder.path}/${name}.deb`);
  for (const output of made) {
    await makeDeb("arm64", { program, zippedRuntime }, { output, time: 1_700_000_000 });
  }
  const [a, b] = await Promise.all(made.map((path) => Deno.readFile(path)));
  assert.ok(a && b);
  assert.equal(Buffer.compare(Buffer.from(a), Buffer.from(b)), 0);
});
