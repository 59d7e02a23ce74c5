import assert from "node:assert/strict";
import { makeAuthority } from "../../scripts/services/certificates.ts";
import { loopbackNet, run, simulate, temporaryFolder } from "../program.ts";
import { ptyPair } from "../modbus/pty_pair.ts";
import { serviceTest } from "../services.ts";

/** What `read … --json` gives of one simulated inverter. */
function assertRead(text: string, endpoint: string): void {
  const { device, models } = JSON.parse(text);
  assert.equal(device.endpoint, endpoint);
  assert.deepEqual([device.id, models[0].points.W], ["Helio-H-10-SN0001", 6292]);
}

const STILL = ["--device", "1,103,160:2", "--step-ms", "3600000"];

Deno.test("a simulated device is read over every network transport there is", async (t) => {
  using folder = temporaryFolder();
  const here = { cwd: folder.path };
  const net = loopbackNet();
  for (
    const listen of [`tcp://${net}.1:0`, `rtu+tcp://${net}.1:0`, "[::1]:0", "rtu+tcp://[::1]:0"]
  ) {
    await t.step(listen, async () => {
      await using simulation = await simulate(["--listen", listen, ...STILL], here);
      const [endpoint] = simulation.endpoints;
      assert.equal(endpoint.startsWith(listen.replace("tcp://", "").slice(0, 4)), true, endpoint);
      const { code, out, err } = await run(["read", endpoint, "103.W", "--json"], here);
      assert.deepEqual([code, err], [0, ""]);
      assertRead(out, endpoint);
    });
  }
});

const linkLocal = Deno.networkInterfaces().find(({ family, address }) =>
  family === "IPv6" && address.startsWith("fe80:")
);

Deno.test({
  name: "a link-local address is reached through its zone",
  ignore: linkLocal === undefined,
  async fn() {
    using folder = temporaryFolder();
    const here = { cwd: folder.path };
    const listen = `[${linkLocal?.address}%${linkLocal?.name}]`;
    await using simulation = await simulate(["--listen", `${listen}:0`, ...STILL], here);
    const port = simulation.endpoints[0].split(":").at(-1);
    const { code, out, err } = await run(["read", `${listen}:${port}`, "103.W", "--json"], here);
    assert.deepEqual([code, err], [0, ""]);
    assertRead(out, `${listen}:${port}`);
  },
});

serviceTest(
  "a device is read, polled and collected over TLS",
  ["openssl"],
  async (_tools, t) => {
    using folder = temporaryFolder();
    const here = { cwd: folder.path };
    const { caFile, issue } = await makeAuthority(folder.path);
    const { certFile, keyFile } = await issue("server", "server");
    const own = ["--tls-cert", certFile, "--tls-key", keyFile];
    await using simulation = await simulate(
      ["--listen", "tls://127.0.0.1:0", ...own, ...STILL],
      here,
    );
    const [endpoint] = simulation.endpoints;
    assert.match(endpoint, /^tls:\/\/127\.0\.0\.1:\d+$/);

    await t.step("the configuration says whom to trust", async () => {
      const trust = ["--set", `modbus.tls.ca_file=${caFile}`];
      const { code, out, err } = await run(
        ["read", endpoint, "103.W", "--json", ...trust],
        here,
      );
      assert.deepEqual([code, err], [0, ""]);
      assertRead(out, endpoint);
    });

    await t.step("nobody else is trusted: exit code 4", async () => {
      const { code, out, err } = await run(["read", endpoint], here);
      assert.deepEqual([code, out], [4, ""]);
      assert.equal(
        err,
        `error: Cannot connect to "${endpoint}": no CA that we trust has signed the server's ` +
          "certificate; set modbus.tls.ca_file\n",
      );
    });

    await t.step("poll --buffer", async () => {
      const config = [
        "[modbus.tls]",
        `ca_file = "${caFile}"`,
        "[[devices]]",
        `endpoint = "${endpoint}"`,
      ].join("\n");
      await Deno.writeTextFile(`${folder.path}/site.toml`, config);
      const { code, err } = await run(
        ["poll", "--config", "site.toml", "--buffer", "--count", "1", "-v"],
        here,
      );
      assert.equal(code, 0, err);
      assert.match(err, /^1 polls of 1 devices: 1 ok, 0 failed, 3 readings/);
    });
  },
);

serviceTest("devices on a serial line are read and polled", ["socat"], async ({ socat }, t) => {
  using folder = temporaryFolder();
  const here = { cwd: folder.path };
  await using pair = await ptyPair(socat, folder.path);
  const listen = `serial:${pair.theirs}?baud=115200`;
  await using simulation = await simulate(
    ["--listen", listen, "--models", "1,103", "--unit", "1-2", "--step-ms", "3600000"],
    here,
  );
  assert.equal(simulation.endpoints[0], `${listen}&parity=none&stop=1`);
  const endpoint = `serial:${pair.ours}?baud=115200&parity=none&stop=1`;

  await t.step("read", async () => {
    const { code, out, err } = await run(["read", endpoint, "103.W", "--json"], here);
    assert.deepEqual([code, err], [0, ""]);
    assertRead(out, endpoint);
  });

  await t.step("discover --write-config, then poll --buffer", async () => {
    const found = await run(["discover", endpoint, "--unit", "1,2", "--write-config"], here);
    assert.deepEqual([found.code, found.err], [0, ""]);
    await Deno.writeTextFile(`${folder.path}/site.toml`, found.out);
    const { code, err } = await run(
      ["poll", "--config", "site.toml", "--buffer", "--count", "1", "-v"],
      here,
    );
    assert.equal(code, 0, err);
    assert.match(err, /^2 polls of 2 devices: 2 ok, 0 failed, 4 readings/);
  });

  await t.step("two programs on one line do not meet", async () => {
    const { code, out, err } = await run(["read", `serial:${pair.theirs}?baud=115200`], here);
    assert.deepEqual([code, out], [1, ""]);
    assert.match(
      err,
      /^error: Cannot open "serial:.*": another program uses it; stop that one first\n$/,
    );
  });
});
