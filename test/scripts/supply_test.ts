import assert from "node:assert/strict";
import manifest from "../../deno.json" with { type: "json" };
import { unexpectedLicences } from "../../scripts/supply/licences.ts";
import { thirdPartyNotices } from "../../scripts/supply/notices.ts";
import { lockedPackages } from "../../scripts/supply/packages.ts";
import { billOfMaterials } from "../../scripts/supply/sbom.ts";
import { run } from "../../scripts/services.ts";
import { temporaryFolder } from "../program.ts";

const lock = JSON.parse(await Deno.readTextFile(new URL("../../deno.lock", import.meta.url)));

Deno.test("every import is one exact version from npm, and the lock file is frozen", () => {
  for (const [name, specifier] of Object.entries(manifest.imports)) {
    assert.match(specifier, /^npm:(@[\w-]+\/)?[\w.-]+@\d+\.\d+\.\d+(\/|$)/, name);
  }
  assert.deepEqual(manifest.lock, { path: "./deno.lock", frozen: true });
  assert.deepEqual(Object.keys(lock).sort(), ["npm", "specifiers", "version", "workspace"]);
  assert.deepEqual(manifest.allowScripts, { deny: ["npm:@serialport/bindings-cpp"] });
});

Deno.test("a lock file that does not name what is imported is refused", async () => {
  using folder = temporaryFolder();
  const { path } = folder;
  const copy = async (specifiers: object) => {
    await Deno.writeTextFile(`${path}/deno.lock`, JSON.stringify({ ...lock, specifiers }));
    return await run(Deno.execPath(), ["check", "--config", `${path}/deno.json`, `${path}/x.ts`]);
  };
  await Deno.writeTextFile(`${path}/deno.json`, JSON.stringify(manifest));
  await Deno.writeTextFile(`${path}/x.ts`, 'import { parse } from "smol-toml";\nparse("");\n');
  const whole = await copy(lock.specifiers);
  assert.equal(whole.code, 0, whole.stderr);
  const stale = await copy(Object.fromEntries(
    Object.entries(lock.specifiers).filter(([specifier]) =>
      !specifier.startsWith("npm:smol-toml@")
    ),
  ));
  assert.notEqual(stale.code, 0);
  assert.match(stale.stderr, /lockfile is out of date/);
});

Deno.test("the licence of every package is known, and one that we expect", async () => {
  const packages = await lockedPackages();
  assert.equal(packages.length, Object.keys(lock.npm).length);
  assert.deepEqual(unexpectedLicences(packages), []);
  const copyleft = packages.map((one) => ({ ...one, licence: "GPL-3.0-only" }));
  assert.deepEqual(unexpectedLicences(copyleft), copyleft);
});

Deno.test("packages are the program's, its tests', or left out", async () => {
  const uses = new Map((await lockedPackages()).map(({ name, use }) => [name, use]));
  for (const name of ["kafkajs", "avsc", "hono", "prom-client", "tdigest"]) {
    assert.equal(uses.get(name), "program", name);
  }
  for (const name of ["serialport", "@serialport/bindings-cpp", "node-gyp-build"]) {
    assert.equal(uses.get(name), "optional", name);
  }
  for (const name of ["fast-check", "pure-rand", "modbus-serial", "debug", "ms"]) {
    assert.equal(uses.get(name), "development", name);
  }
});

Deno.test("the bill of materials names every package with its hash, and is the same each time", async () => {
  const bill = async () => JSON.stringify(billOfMaterials(await lockedPackages(), "2.9.5"));
  const text = await bill();
  assert.equal(await bill(), text);
  const { bomFormat, specVersion, components, dependencies } = JSON.parse(text);
  assert.deepEqual([bomFormat, specVersion], ["CycloneDX", "1.6"]);
  const refs: string[] = components.map((component: { "bom-ref": string }) => component["bom-ref"]);
  assert.equal(new Set(refs).size, Object.keys(lock.npm).length + 1);
  for (const name of ["pkg:generic/deno@2.9.5", "pkg:npm/kafkajs@", "pkg:npm/%40optique/core@"]) {
    assert.ok(refs.some((ref) => ref.startsWith(name)), name);
  }
  for (const { type, hashes, licenses } of components) {
    if (type !== "library") continue;
    assert.match(hashes[0].content, /^[0-9a-f]{128}$/);
    assert.match(licenses[0].license.id, /^\S+$/);
  }
  for (const { ref, dependsOn } of dependencies) {
    for (const other of dependsOn) assert.ok(refs.includes(other), `${ref}: ${other}`);
  }
});

Deno.test("the licence of everything that we ship goes with it", async () => {
  const packages = await lockedPackages();
  const notices = await thirdPartyNotices(packages);
  for (const { name, version, use } of packages) {
    assert.equal(notices.includes(`\n${name} ${version} (`), use === "program", name);
  }
  assert.match(notices, /Permission is hereby granted, free of charge/);
  assert.match(notices, /Apache License/);
});
