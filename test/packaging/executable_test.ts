import assert from "node:assert/strict";
import { lchownSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { delay } from "../../lib/backoff.ts";
import { VERSION } from "../../lib/version.ts";
import { bundle } from "../../scripts/build/bundle.ts";
import { makeExecutable } from "../../scripts/build/extractor.ts";
import { type Machine, MACHINES, zippedRuntimeFor } from "../../scripts/build/runtime.ts";
import { programWords, runnerFor } from "../../scripts/build/try.ts";
import { removeFolder } from "../../scripts/services/cache.ts";
import { runOrThrow } from "../../scripts/services.ts";
import { eventually, run, simulate, start, temporaryFolder } from "../program.ts";
import { serviceTest } from "../services.ts";
import { type FreshRoot, freshRoot, libraries, type RootOptions } from "./fresh_root.ts";

/** Polled each second meanwhile. */
const COLLECT_MS = 10_000;

let bundled: Promise<void> | undefined;
const program = await Deno.makeTempDir({ prefix: "sunspool-program-" });
Deno.test.afterAll(() => Deno.remove(program, { recursive: true }));

/** Writes the executable for a machine into a folder; gives its path. */
async function build(machine: Machine, folder: string): Promise<string> {
  await (bundled ??= bundle(program));
  const zippedRuntime = await Deno.readFile(await zippedRuntimeFor(machine));
  const executable = await makeExecutable(machine, { zippedRuntime, program });
  const path = `${folder}/sunspool-linux-${machine}`;
  await Deno.writeFile(path, executable.stream(), { mode: 0o755 });
  return path;
}

/** The names in a folder; none when it is not there. */
function namesIn(path: string): string[] {
  try {
    return [...Deno.readDirSync(path)].map(({ name }) => name).sort();
  } catch {
    return [];
  }
}

/** Runs the program in a root; it must succeed. */
async function output(
  root: FreshRoot,
  words: readonly string[],
  how?: RootOptions,
): Promise<string> {
  await using program = root.start(["/sunspool", ...words], how);
  const { code, out, err } = await program.end();
  assert.equal(code, 0, err);
  return out;
}

/** What was delivered is both models of the device, the one that changes more than once, with values. */
function assertCollected(ndjson: string): void {
  const records: readonly Collected[] = ndjson.trimEnd().split("\n").map((line) =>
    JSON.parse(line)
  );
  const of = (wanted: string) => records.filter(({ source }) => source === wanted);
  assert.equal(of("sunspec/1").length, 1);
  assert.ok(of("sunspec/103").length > 1, ndjson);
  for (const { points } of of("sunspec/103")) {
    assert.equal(typeof points.find(({ name }) => name === "W")?.value, "number");
  }
}

/** What is looked at of a record. */
interface Collected {
  readonly source: string;
  readonly points: readonly { readonly name: string; readonly value: number | null }[];
}

const IN_A_ROOT: Readonly<Record<string, (root: FreshRoot, cache: string) => Promise<void>>> = {
  "several starts at once unpack it once, and all work": async (root, cache) => {
    const starts = Array.from({ length: 3 }, () => output(root, ["version"]));
    for (const out of await Promise.all(starts)) {
      assert.match(out, new RegExp(`^sunspool ${VERSION} `));
    }
    assert.equal(namesIn(cache).length, 1, String(namesIn(cache)));
  },

  "it reads and collects simulated devices": async (root) => {
    await using devices = await simulate(["--models", "1,103"], { cwd: root.path });
    const endpoint = devices.endpoints[0];
    const { models } = JSON.parse(await output(root, ["read", endpoint, "103.W", "--json"]));
    assert.equal(typeof models[0].points.W, "number");

    const config = await output(root, ["discover", endpoint, "--write-config"]);
    await Deno.writeTextFile(`${root.path}/data/sunspool.toml`, config);
    await using collector = root.start([
      ...["/sunspool", "collect", "--config", "/data/sunspool.toml", "--set", "metrics.port=0"],
      ...["--set", "buffer.path=/data/buffer.sqlite", "--set", "file.directory=/data/readings"],
    ]);
    await collector.told(/"device found"/);
    const name = await Deno.readTextFile(`/proc/${collector.pid}/comm`);
    assert.equal(name.trim(), "sunspool", "no shell is left behind");
    await delay(COLLECT_MS);
    const { code, err } = await collector.stop();
    assert.equal(code, 0, err);
    const files = namesIn(`${root.path}/data/readings`).map((name) => `/data/readings/${name}`);
    assertCollected(await output(root, ["decode", ...files]));
    assert.match(await output(root, ["verify", "/data/readings"]), / proven\n$/);
  },

  "its exit codes are the program's": async (root) => {
    await using wrong = root.start(["/sunspool", "raed"]);
    const { code, err } = await wrong.end();
    assert.equal(code, 2);
    assert.match(err, /did you mean: sunspool read\?/);
  },

  "another user without a home unpacks it among the temporary files": async (root) => {
    assert.match(await output(root, ["version"], { user: "1234:1234" }), /^sunspool /);
    assert.equal(namesIn(`${root.path}/tmp/sunspool-1234`).length, 1);
  },

  "a start that was cut off does no harm": async (root, cache) => {
    const [home = ""] = namesIn(cache);
    const [, space] = /(\d+)/.exec(await Deno.readLink("/proc/self/ns/pid")) ?? [];
    // No process has the id 0; and what one of another container is, nobody can tell.
    const [left, others, ours] = [`${space}-0`, "12345-0", `${space}-${Deno.pid}`]
      .map((process) => `${home}.${process}.Abc123`);
    await Deno.rename(`${cache}/${home}`, `${cache}/${left}`);
    await Deno.remove(`${cache}/${left}/program/sunspool.js`);
    for (const name of [others, ours]) await Deno.mkdir(`${cache}/${name}`);
    assert.match(await output(root, ["version"]), /^sunspool /);
    // What it left is gone, and what another start may be at has stayed.
    assert.deepEqual(namesIn(cache), [home, others, ours]);
    for (const name of [others, ours]) await Deno.remove(`${cache}/${name}`);
  },

  "a start that is stopped while it unpacks leaves nothing, and says by what": async (
    root,
    cache,
  ) => {
    await removeFolder(cache);
    await using program = root.start(["/sunspool", "version"]);
    await eventually("it unpacks", () => namesIn(cache).length > 0);
    const { code } = await program.stop();
    assert.equal(code, 143);
    assert.deepEqual(namesIn(cache), []);
    await output(root, ["version"]);
  },

  "what the power took before it was on disk is unpacked again": async (root, cache) => {
    const [home = ""] = namesIn(cache);
    for (const name of ["sunspool", "program/sunspool.js"]) {
      await Deno.truncate(`${cache}/${home}/${name}`);
      assert.match(await output(root, ["version"]), /^sunspool /, name);
      assert.equal(namesIn(cache)[0], home);
      assert.ok(Deno.statSync(`${cache}/${home}/${name}`).size > 0, name);
    }
  },

  "a cache of somebody else's is not used, whatever is in it": async (root, cache) => {
    const [home = ""] = namesIn(cache);
    const open = `${root.path}/data/open/sunspool`;
    await Deno.mkdir(`${open}/${home}`, { recursive: true });
    const forged = "#!/bin/sh\necho forged\n";
    await Deno.writeTextFile(`${open}/${home}/sunspool`, forged, { mode: 0o755 });
    await Deno.chown(open, 1234, 1234);
    await Deno.chown(`${open}/${home}`, 1234, 1234);
    const env = { XDG_CACHE_HOME: "/data/open" };
    assert.match(await output(root, ["version"], { env }), /^sunspool /);
    // Nor is anything put there, which its owner could change before it is run.
    await removeFolder(`${open}/${home}`);
    await removeFolder(cache);
    assert.match(await output(root, ["version"], { env }), /^sunspool /);
    assert.deepEqual([namesIn(open), namesIn(cache)], [[], [home]]);
  },

  "a link among the temporary files is not followed": async (root) => {
    await removeFolder(`${root.path}/tmp/sunspool-1234`);
    await Deno.mkdir(`${root.path}/data/own`);
    await Deno.chown(`${root.path}/data/own`, 1234, 1234);
    await Deno.symlink("/data/own", `${root.path}/tmp/sunspool-1234`);
    const user = "1234:1234";
    const why = /; cannot make "\/tmp\/sunspool-1234", which is a link$/m;
    await refused(root, { user }, 4, why);
    assert.deepEqual(namesIn(`${root.path}/data/own`), []);

    // Nor is one that comes there just when the folder is made.
    await Deno.rename(`${root.path}/tmp/sunspool-1234`, `${root.path}/tmp/link`);
    lchownSync(`${root.path}/tmp/link`, 1234, 1234);
    await Deno.mkdir(`${root.path}/data/bin`);
    const mkdir = '#!/bin/sh\ncase "$*" in */tmp/*) mv /tmp/link /tmp/sunspool-1234 ;; esac\n' +
      'exec /bin/mkdir "$@"\n';
    await Deno.writeTextFile(`${root.path}/data/bin/mkdir`, mkdir, { mode: 0o755 });
    // The shell of busybox would take its own mkdir; another one needs to be shown its tar.
    await Deno.symlink("/bin/busybox", `${root.path}/data/bin/tar`);
    await Deno.copyFile("/bin/dash", `${root.path}/data/bin/dash`);
    const env = { PATH: "/data/bin:/bin" };
    await refused(root, { user, env }, 4, why, ["/data/bin/dash", "/sunspool", "version"]);
    assert.deepEqual(namesIn(`${root.path}/data/own`), []);
    await Deno.remove(`${root.path}/tmp/sunspool-1234`);
  },

  "where programs may not run, or there is no room, the next place is used": async (
    root,
    cache,
  ) => {
    const bad = `${root.path}/data/bad`;
    for (const options of ["noexec", "size=20m"]) {
      await Deno.remove(cache, { recursive: true });
      await Deno.mkdir(bad, { recursive: true });
      await runOrThrow("mount", ["-t", "tmpfs", "-o", options, "sunspool-test", bad]);
      try {
        const out = await output(root, ["version"], {
          env: { XDG_CACHE_HOME: "/data/bad" },
        });
        assert.match(out, /^sunspool /, options);
        assert.deepEqual(namesIn(`${bad}/sunspool`), [], options);
      } finally {
        await runOrThrow("umount", [bad]);
      }
    }
  },

  "another user's home that is not there is not made": async (root) => {
    await output(root, ["version"], { env: { HOME: "/home/nobody" } });
    assert.deepEqual(namesIn(`${root.path}/home`), []);
  },

  "without glibc it says what it needs": async (root, cache) => {
    await removeFolder(cache);
    const loader = `${root.path}${MACHINES.x64.loader}`;
    await Deno.rename(loader, `${loader}.away`);
    await refused(root, {}, 1, /it needs a 64-bit system with glibc 2\.27 or newer, and "\/lib64/);
    await Deno.rename(`${loader}.away`, loader);
    assert.deepEqual(namesIn(cache), []);
  },

  "without libgcc_s it says so": async (root, cache) => {
    const [library = ""] = await libraries(Deno.execPath()).then((all) =>
      all.filter((path) => path.includes("libgcc_s"))
    );
    await Deno.rename(root.path + library, `${root.path}${library}.away`);
    await refused(root, {}, 1, /: it needs glibc and libgcc_s: .*libgcc_s\.so\.1/);
    await Deno.rename(`${root.path}${library}.away`, root.path + library);
    assert.deepEqual(namesIn(cache), []);
  },

  "where nothing can be written, or there is no room, it says so": async (root, cache) => {
    await removeFolder(cache);
    const small = `${root.path}/data/small`;
    await Deno.mkdir(small);
    await runOrThrow("mount", ["--rbind", root.path, root.path]);
    await runOrThrow("mount", ["-o", "remount,ro,bind", root.path]);
    try {
      await refused(root, {}, 4, /there is no place to unpack it: cannot write to "\/var\/cache/);
      await runOrThrow("mount", ["-t", "tmpfs", "-o", "size=20m", "sunspool-test", small]);
      const env = { XDG_CACHE_HOME: "/data/small" };
      await refused(
        root,
        { env },
        75,
        /: no room for it in "\/data\/small\/sunspool" \(it takes 110/,
      );
      const unpack = ["sh", "/sunspool", "--unpack"];
      await refused(root, {}, 75, /: no room for it in "\/data\/small\/x"/, [
        ...unpack,
        "/data/small/x",
      ]);
      assert.deepEqual(namesIn(`${small}/x`), []);
      await refused(root, {}, 4, /: cannot make "\/data\/x"/, [...unpack, "/data/x"]);
      await refused(root, {}, 2, /: write it as: \/sunspool --unpack DIR/, unpack);
    } finally {
      await runOrThrow("umount", ["--recursive", root.path]);
    }
  },
};

/** Says in one line why it cannot start. */
async function refused(
  root: FreshRoot,
  how: RootOptions,
  wanted: number,
  why: RegExp,
  words: readonly string[] = ["/sunspool", "version"],
) {
  await using program = root.start(words, how);
  const { code, out, err } = await program.end();
  assert.deepEqual([code, out], [wanted, ""], err);
  assert.match(err, /^error: Cannot start sunspool: [^\n]*\n$/);
  assert.match(err, why);
}

serviceTest(
  "copied alone into a fresh root, the executable does its job there",
  ["busybox"],
  async ({ busybox }, t) => {
    using folder = temporaryFolder();
    await using root = await freshRoot(await build("x64", folder.path), busybox);
    const cache = `${root.path}/var/cache/sunspool`;
    for (const [name, body] of Object.entries(IN_A_ROOT)) {
      await t.step(name, () => body(root, cache));
    }
  },
);

serviceTest(
  "where the C library is too old, or another one, it says what it needs",
  ["busybox"],
  async ({ busybox }) => {
    using folder = temporaryFolder();
    const old = "#!/bin/sh\necho \"/lib/libc.so.6: version 'GLIBC_2.27' not found\" >&2\nexit 1\n";
    await Deno.mkdir(`${folder.path}/program`);
    await Deno.writeTextFile(`${folder.path}/program/sunspool.js`, "");
    const contents = {
      zippedRuntime: new Uint8Array(gzipSync(old)),
      program: `${folder.path}/program`,
    };
    const executable = `${folder.path}/sunspool`;
    const made = await makeExecutable("x64", contents);
    await Deno.writeFile(executable, made.stream(), { mode: 0o755 });
    await using root = await freshRoot(executable, busybox);
    await refused(root, {}, 1, /: it needs glibc 2\.27 or newer: \/lib\/libc\.so\.6: version 'GL/);
    assert.deepEqual(namesIn(`${root.path}/var/cache/sunspool`), []);
    await Deno.remove(`${root.path}/lib64`, { recursive: true });
    await refused(root, {}, 1, /ld-linux-x86-64\.so\.2" is not here \(musl and 32-bit systems/);
  },
);

Deno.test("a file that was damaged or cut on its way says so, and leaves nothing behind", async () => {
  using folder = temporaryFolder();
  const cwd = folder.path;
  const whole = await Deno.readFile(await build("x64", cwd));
  // The same may be unpacked on this machine already, and would be run: under no such name.
  const id = new TextDecoder("latin1").decode(whole.subarray(0, 1000)).indexOf("\nid=") + 4;
  whole.set(new TextEncoder().encode("tests"), id);
  const flipped = whole.slice();
  flipped[1_000_000] = (flipped[1_000_000] ?? 0) ^ 1;
  for (const bytes of [flipped, whole.subarray(0, -1000)]) {
    await Deno.writeFile(`${cwd}/damaged`, bytes, { mode: 0o755 });
    const { code, err } = await run(["version"], {
      cwd,
      command: ["sh", `${cwd}/damaged`],
      env: { XDG_CACHE_HOME: `${cwd}/cache` },
    });
    assert.equal(code, 1);
    assert.match(err, /^error: Cannot start sunspool: ".*damaged" is damaged, its checksum is/);
    assert.deepEqual(namesIn(`${cwd}/cache/sunspool`), []);
  }
});

serviceTest(
  "the executable for arm64 does the same in an emulator, and says when it is the wrong one",
  ["qemu"],
  async () => {
    using folder = temporaryFolder();
    const cwd = folder.path;
    const executable = await build("arm64", cwd);
    if (Deno.build.arch === "x86_64") {
      const { code, err } = await run(["version"], {
        cwd,
        command: ["sh", executable],
        env: { XDG_CACHE_HOME: `${cwd}/cache` },
      });
      assert.equal(code, 1);
      assert.match(err, /this file is for aarch64 and this machine is x86_64/);
    }
    await runOrThrow("sh", [executable, "--unpack", `${cwd}/unpacked`]);
    const [first = "", ...others] = await runnerFor("arm64", `${cwd}/unpacked`) ?? [];
    const command = [first, ...others, ...programWords(`${cwd}/unpacked`)] as const;
    // An emulated start takes many seconds.
    const emulated = { cwd, command, deadlineMs: 300_000 };
    const { out } = await run(["version", "--json"], emulated);
    assert.equal(JSON.parse(out).sunspool, VERSION);
    assert.equal(JSON.parse(out).arch, "aarch64");

    await using devices = await simulate(["--models", "1,103"], { cwd });
    const endpoint = devices.endpoints[0];
    const patient = ["--timeout", "60s"];
    const read = await run(["read", endpoint, "103.W", "--json", ...patient], emulated);
    assert.equal(read.code, 0, read.err);
    assert.equal(typeof JSON.parse(read.out).models[0].points.W, "number");

    await Deno.writeTextFile(`${cwd}/sunspool.toml`, `[[devices]]\nendpoint = "${endpoint}"`);
    await using collector = start([
      ...["collect", "--config", "sunspool.toml", "--set", "metrics.port=0"],
      ...["--set", "modbus.timeout_ms=60000"],
    ], emulated);
    await collector.told(/"device found"/);
    await delay(COLLECT_MS);
    const { code, err } = await collector.stop();
    assert.equal(code, 0, err);
    const files = namesIn(`${cwd}/readings`).map((name) => `readings/${name}`);
    // Not in the emulator, where each start takes so long.
    const decoded = await run(["decode", ...files], { cwd });
    assert.equal(decoded.code, 0, decoded.err);
    assertCollected(decoded.out);
  },
);
