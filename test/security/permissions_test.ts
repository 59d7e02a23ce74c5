import assert from "node:assert/strict";
import { commands } from "../../commands/mod.ts";
import { main, type Needs, type Permission, PERMISSIONS } from "../../lib/cli/mod.ts";
import { namesSerialPort } from "../../lib/config/serial.ts";
import { bundle } from "../../scripts/build/bundle.ts";
import { captureIo } from "../cli/captured_io.ts";
import { type Program, simulate, start, temporaryFolder } from "../program.ts";
import type { Probed } from "./probe.ts";

const PROBE = new URL("probe.ts", import.meta.url).pathname;
const program = { version: "0", commands, namesSerialPort };

/** How each command is called; those that run for ever are stopped once they say what matches. */
const CALLS: Readonly<Record<string, { readonly args: string; readonly until?: RegExp }>> = {
  scan: { args: "HOST --port PORT" },
  discover: { args: "ENDPOINT" },
  read: { args: "ENDPOINT 103.W" },
  poll: { args: "ENDPOINT --count 1" },
  collect: {
    args: "--set metrics.port=0 --set devices=HOST --set discovery.port=PORT",
    until: /metrics are served/,
  },
  drain: { args: "" },
  "serve-metrics": { args: "--set metrics.port=0", until: /metrics are served/ },
  health: { args: "" },
  "buffer-vacuum": { args: "" },
  buffer: { args: "inspect" },
  decode: { args: "nothing.avro" },
  verify: { args: "nothing.avro" },
  config: { args: "check" },
  models: { args: "show 103" },
  simulate: { args: "--listen 127.0.0.1:0", until: /127\.0\.0\.1/ },
  systemd: { args: "install --root ." },
  doctor: { args: "" },
  version: { args: "" },
};

async function probed(running: Program): Promise<Record<"main" | "worker", Probed>> {
  const { err } = await running.end();
  const [, text] = /^probed (.*)$/m.exec(err) ?? [];
  assert.ok(text, err);
  return JSON.parse(text);
}

function started(cwd: string, words: readonly string[]): Program {
  return start(words, { cwd, program: ["run", "-A", "--no-prompt", "--no-check", PROBE] });
}

/** What must fail, and what must not, where these permissions are left. */
function assertHeld(found: Probed, left: readonly Permission[], where: string): void {
  for (const name of PERMISSIONS) {
    const isDenied = found[name] === "NotCapable";
    assert.equal(isDenied, !left.includes(name), `${where}: ${name} gives ${found[name]}`);
  }
  assert.equal(found.process, "NotCapable", `${where}: /proc may be read`);
}

function always(needs: Needs): Permission[] {
  return PERMISSIONS.filter((name) => needs[name] === "always");
}

Deno.test("whoever takes a command over can do no more than it declares", async (t) => {
  using folder = temporaryFolder();
  const { path: cwd } = folder;
  await using devices = await simulate(["--models", "1,103"], { cwd });
  const [endpoint] = devices.endpoints;
  const [host = "", port = ""] = endpoint.split(":");
  // drain and the like need a buffer that is there.
  const first = started(cwd, ["poll", endpoint, "--count", "1", "--buffer"]);
  const stored = await probed(first);
  assertHeld(stored.main, ["read", "write", "net", "sys"], "poll --buffer");
  assert.deepEqual(Object.keys(CALLS).sort(), commands.map(({ name }) => name).sort());
  for (const { name, load } of commands) {
    await t.step(name, async () => {
      const { needs } = await load();
      const { args, until } = CALLS[name] ?? assert.fail(name);
      const words = args.replace("ENDPOINT", endpoint).replace("HOST", host).replace("PORT", port)
        .split(" ").filter(Boolean);
      await using running = started(cwd, [name, ...words]);
      if (until) {
        await (name === "simulate" ? running.said(until) : running.told(until));
        running.kill("SIGTERM");
      }
      const { main, worker } = await probed(running);
      assertHeld(main, always(needs), name);
      assertHeld(worker, always(needs), `${name}, in a worker`);
    });
  }
});

Deno.test("bundled the program gives up the same, and has what it loads late all the same", async () => {
  using folder = temporaryFolder();
  const { path: cwd } = folder;
  await bundle(`${cwd}/program`, PROBE);
  await using devices = await simulate(["--models", "1,103"], { cwd });
  const alone = ["--no-config", "--no-lock", "--cached-only", "--no-prompt", "--unstable-net"];
  const words = ["read", devices.endpoints[0], "103.W"];
  await using running = start(words, {
    cwd,
    program: ["run", "-A", ...alone, "program/sunspool.js"],
  });
  const { main, worker } = await probed(running);
  assert.match(running.out, /^103 +W +\d+/m);
  for (const found of [main, worker]) assertHeld(found, ["net"], "read, bundled");
});

Deno.test("what a command does not declare is given up before it does anything", async () => {
  for (const { name, load } of commands) {
    const { needs } = await load();
    const io = captureIo();
    await main(program, [name, "--no-such-option"], io);
    assert.deepEqual(io.givenUp, PERMISSIONS.filter((permission) => !needs[permission]), name);
    for (const permission of ["run", "ffi", "import"] as const) {
      assert.ok(io.givenUp.includes(permission), `${name} keeps ${permission}`);
    }
  }
});

Deno.test("a serial port keeps all permissions, wherever it is named, and only where devices are opened", async () => {
  using folder = temporaryFolder();
  const write = (name: string, text: string) => {
    const path = `${folder.path}/${name}`;
    Deno.writeTextFileSync(path, text);
    return path;
  };
  const serial = write("serial.toml", '[[devices]]\nendpoint = "serial:/dev/ttyUSB0"\n');
  const none = write("none.toml", '# "serial:/dev/ttyUSB0"\n[[devices]]\nendpoint = "192.0.2.1"\n');
  const set = "--no-such-option";
  for (
    const [words, env, isKept] of [
      [["read", "serial:/dev/ttyUSB0?baud=9600", set], {}, true],
      [["collect", "--config", serial, set], {}, true],
      [["collect", "-c", serial, set], {}, true],
      [["collect", `--config=${serial}`, set], {}, true],
      [["collect", set], { SUNSPEC_CONFIG: serial }, true],
      [["collect", set], { SUNSPEC_STATIC_DEVICES: "serial:/dev/ttyUSB0" }, true],
      [["collect", "--config", none, set], {}, false],
      [["collect", "--config", "missing.toml", set], {}, false],
      [["drain", "--config", serial, set], {}, false],
    ] as const
  ) {
    const io = captureIo({ env });
    await main(program, words, io);
    assert.equal(io.givenUp.length === 0, isKept, words.join(" "));
  }
});
