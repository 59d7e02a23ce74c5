import assert from "node:assert/strict";
import { Ballast } from "../../lib/buffer/ballast.ts";
import { eventually, run, simulate, start, temporaryFolder } from "../program.ts";

const isRoot = Deno.uid() === 0;
const CARELESS = new URL("careless.ts", import.meta.url).pathname;
const NOBODY = 65_534;

function modes(folder: string): Record<string, string> {
  return Object.fromEntries(
    [...Deno.readDirSync(folder)].filter(({ isFile }) => isFile).map(({ name }) => {
      const { mode } = Deno.lstatSync(`${folder}/${name}`);
      return [name, ((mode ?? 0) & 0o777).toString(8)];
    }),
  );
}

Deno.test("nobody else reads the buffer, its log or its locks, and container files are no one's but the group's", async () => {
  using folder = temporaryFolder();
  const { path: cwd } = folder;
  await using devices = await simulate(["--models", "1,103"], { cwd });
  const toml = `[[devices]]\nendpoint = "${devices.endpoints[0]}"\n`;
  await Deno.writeTextFile(`${cwd}/site.toml`, toml);
  await using collect = start(["collect", "--config", "site.toml"], {
    cwd,
    program: ["run", "-A", "--no-prompt", "--no-check", CARELESS],
    env: { SUNSPEC_METRICS_PORT: "0", SUNSPEC_POLL_INTERVAL_MS: "50" },
  });
  const readings = `${cwd}/readings`;
  await eventually("a container file is there", () => {
    try {
      return Object.keys(modes(readings)).length > 0;
    } catch {
      return false;
    }
  });
  const { "site.toml": _own, ...kept } = modes(cwd);
  for (const suffix of ["", "-shm", "-wal", ".append.lock", ".drain.lock"]) {
    assert.ok(Object.hasOwn(kept, `sunspec-buffer.sqlite${suffix}`), suffix);
  }
  for (const [name, mode] of Object.entries(kept)) assert.equal(mode, "600", name);
  for (const [name, mode] of Object.entries(modes(readings))) assert.equal(mode, "640", name);
  assert.equal(((Deno.statSync(readings).mode ?? 0) & 0o777).toString(8), "750");
  const { err } = await collect.stop();
  assert.equal(err.match(/runs as root/g)?.length ?? 0, isRoot ? 1 : 0);
});

Deno.test("in a folder that everybody may write in, a name that somebody took is refused", async () => {
  using folder = temporaryFolder();
  const { path: cwd } = folder;
  await Deno.writeTextFile(`${cwd}/precious`, "precious");
  const open = `${cwd}/open`;
  await Deno.mkdir(open);
  await Deno.chmod(open, 0o1777);
  const buffer = `${open}/b.sqlite`;
  const poll = ["poll", "127.0.0.1:9", "--buffer", "--count", "1", "--timeout", "100ms"];
  const refused = async (why: RegExp, path = buffer) => {
    const { code, err } = await run([...poll, "--set", `buffer.path=${path}`], { cwd });
    assert.equal(code, 4, err);
    assert.match(err, why);
    assert.equal(await Deno.readTextFile(`${cwd}/precious`), "precious");
  };
  for (const suffix of ["", "-wal", "-shm", "-journal", ".append.lock"]) {
    await Deno.symlink(`${cwd}/precious`, buffer + suffix);
    await refused(/everybody may write in its folder, and ".*" is a link; choose another buffer\./);
    await Deno.remove(buffer + suffix);
  }
  if (isRoot) {
    await Deno.writeTextFile(buffer, "");
    await Deno.chown(buffer, NOBODY, NOBODY);
    await refused(/everybody may write in its folder, and ".*" is somebody else's/);
    await Deno.remove(buffer);
  }
  // In a folder of one's own a link is one's own business; and what is ours is ours again.
  const own = await run([...poll, "--set", `buffer.path=${buffer}`], { cwd });
  assert.match(own.err, /127\.0\.0\.1:9/);
  const again = await run([...poll, "--set", `buffer.path=${buffer}`], { cwd });
  assert.equal(again.code, own.code, again.err);
  await Deno.symlink(buffer, `${cwd}/linked.sqlite`);
  const linked = await run([...poll, "--set", `buffer.path=${cwd}/linked.sqlite`], { cwd });
  assert.equal(linked.code, own.code, linked.err);
  assert.deepEqual([...Deno.readDirSync(open)].filter(({ name }) => name.startsWith(".")), []);
});

Deno.test("ballast is laid into no file that a link leads to", async () => {
  using folder = temporaryFolder();
  const { path } = folder;
  await Deno.writeTextFile(`${path}/precious`, "precious");
  const ballast = new Ballast(`${path}/b.sqlite`, 1024 * 1024);
  await Deno.symlink(`${path}/precious`, ballast.path);
  ballast.place(Number.MAX_SAFE_INTEGER);
  assert.equal(await Deno.readTextFile(`${path}/precious`), "precious");
  const { isFile, size } = await Deno.lstat(ballast.path);
  assert.deepEqual([isFile, size], [true, ballast.bytes]);
});
