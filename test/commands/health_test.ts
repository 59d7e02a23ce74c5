import assert from "node:assert/strict";
import { VERSION } from "../../lib/version.ts";
import { serveMetrics } from "../../lib/http.ts";
import { freePort, run, simulate, start, temporaryFolder } from "../program.ts";

const HOST = "127.0.0.1";
const asked = (port: number) => ["health", "--set", `metrics.port=${port}`];

Deno.test("health says whether the collector is well, not running, or stopped in its tracks", async () => {
  using folder = temporaryFolder();
  const here = { cwd: folder.path };
  await using devices = await simulate(["--models", "1,103"], here);
  const port = freePort(HOST);
  await Deno.writeTextFile(
    `${folder.path}/sunspool.toml`,
    `[metrics]\nport = ${port}\n\n[[devices]]\nendpoint = "${devices.endpoints[0]}"\n`,
  );
  const health = () => run(["health", "--config", "sunspool.toml", "--json"], here);
  const nobody = `error: Cannot ask "http://${HOST}:${port}/healthz": nobody answers; ` +
    "is the collector running?\n";
  assert.deepEqual(await health(), { code: 1, out: "", err: nobody });

  await using collector = start(["collect", "--config", "sunspool.toml"], here);
  await collector.told(/"device found"/);
  const well = await health();
  assert.equal(well.code, 0, well.err);
  const { status, outputs } = JSON.parse(well.out);
  assert.deepEqual([status, outputs], ["ok", { file: "ok" }]);

  collector.kill("SIGSTOP");
  const hung = await health();
  assert.equal(hung.code, 1, hung.out);
  assert.match(hung.err, /healthz": no answer within 5000 ms; is the collector running\?\n$/);
  collector.kill("SIGCONT");
  assert.equal((await collector.stop()).code, 0);
  assert.equal((await health()).code, 1);
});

Deno.test("a page that says 503 is a failure, and is printed", async () => {
  using folder = temporaryFolder();
  await using server = await serveMetrics({
    address: HOST,
    port: 0,
    token: "hunter2",
    metrics: () => Promise.resolve({ type: "text/plain", text: VERSION }),
    healthy: () => Promise.resolve({ ok: false, detail: { devices: 3 } }),
    ready: () => Promise.resolve({ ok: true, detail: {} }),
  });
  // A proxy is for other machines.
  const env = { SUNSPEC_METRICS_TOKEN: "hunter2", HTTP_PROXY: `http://${HOST}:1` };
  const surroundings = { cwd: folder.path, env };
  const { code, out } = await run(asked(server.port), surroundings);
  assert.deepEqual([code, out], [1, "FIGURE   VALUE\nstatus   failing\ndevices  3\n"]);

  const everywhere = ["--set", "metrics.address=0.0.0.0"];
  assert.equal((await run([...asked(server.port), ...everywhere], surroundings)).code, 1);
  const stranger = await run(asked(server.port), { cwd: folder.path });
  assert.equal(stranger.code, 4);
  assert.match(stranger.err, /it wants another token; set metrics\.token_file/);
});

Deno.test("health refuses what it cannot ask, and believes no other server", async () => {
  using folder = temporaryFolder();
  const here = { cwd: folder.path };
  const any = await run(asked(0), here);
  assert.deepEqual([any.code, any.err], [
    78,
    'error: Cannot ask metrics.port "0": it is any free one; give it a number\n',
  ]);
  let answer = new Response("", { status: 302, headers: { location: "/elsewhere" } });
  await using server = Deno.serve({ hostname: HOST, port: 0, onListen() {} }, () => answer);
  const { port } = server.addr;
  assert.match((await run(asked(port), here)).err, /it answers 302, as no collector does\n$/);
  for (const text of ["hello", "null", "[]"]) {
    answer = new Response(text);
    const { code, err } = await run(asked(port), here);
    assert.equal(code, 1);
    assert.match(err, /it is not the page of a collector\n$/);
  }
});
