import assert from "node:assert/strict";
import { ConfigError, TryLaterError } from "../../lib/core/mod.ts";
import { type MetricsServerOptions, serveMetrics } from "../../lib/http.ts";
import { loopbackNet } from "../program.ts";

const ADDRESS = `${loopbackNet()}.1`;
const good: MetricsServerOptions = {
  address: ADDRESS,
  port: 0,
  token: undefined,
  metrics: (accept) => Promise.resolve({ type: "text/plain; version=0.0.4", text: `a ${accept}` }),
  healthy: () => Promise.resolve({ ok: true, detail: { devices: 3 } }),
  ready: () => Promise.resolve({ ok: false, detail: { outputs: { kafka: "down" } } }),
};

async function get(port: number, path: string, headers: Record<string, string> = {}) {
  const response = await fetch(`http://${ADDRESS}:${port}${path}`, { headers });
  const type = response.headers.get("content-type") ?? "";
  return { status: response.status, type, text: await response.text(), headers: response.headers };
}

Deno.test("/metrics, /healthz and /readyz answer on loopback without a token", async () => {
  await using server = await serveMetrics(good);
  assert.equal(server.address, ADDRESS);
  const metrics = await get(server.port, "/metrics", { accept: "text/x" });
  assert.deepEqual([metrics.status, metrics.text], [200, "a text/x"]);
  assert.match(metrics.type, /^text\/plain; version=0\.0\.4/);
  const healthy = await get(server.port, "/healthz");
  assert.equal(healthy.status, 200);
  assert.deepEqual(JSON.parse(healthy.text), { status: "ok", devices: 3 });
  const ready = await get(server.port, "/readyz");
  assert.equal(ready.status, 503);
  assert.deepEqual(JSON.parse(ready.text), { status: "failing", outputs: { kafka: "down" } });
  assert.equal((await get(server.port, "/")).status, 404);
});

Deno.test("a page that fails says so in one line and leaves the others alone", async () => {
  const metrics = () => Promise.reject(new Error("the buffer is gone"));
  await using server = await serveMetrics({ ...good, metrics });
  const broken = await get(server.port, "/metrics");
  assert.deepEqual([broken.status, broken.text], [500, "the buffer is gone\n"]);
  assert.equal((await get(server.port, "/healthz")).status, 200);
});

Deno.test("with a token every page wants it: 401 without, 401 with another", async () => {
  await using server = await serveMetrics({ ...good, token: "hunter2" });
  for (const path of ["/metrics", "/healthz", "/readyz"]) {
    const without = await get(server.port, path);
    assert.equal(without.status, 401, path);
    assert.match(without.headers.get("www-authenticate") ?? "", /^Bearer/);
    assert.equal((await get(server.port, path, { authorization: "Bearer x" })).status, 401);
    assert.ok(!without.text.includes("hunter2"));
  }
  const metrics = await get(server.port, "/metrics", { authorization: "Bearer hunter2" });
  assert.equal(metrics.status, 200);
});

Deno.test("beyond loopback a token is needed, whatever the address looks like", async () => {
  for (
    const address of ["0.0.0.0", "::", "192.0.2.1", "127.example.org", "127.0.0.1.example.org"]
  ) {
    await assert.rejects(serveMetrics({ ...good, address }), (error) => {
      assert.ok(error instanceof ConfigError, address);
      assert.equal(
        error.message,
        `Cannot listen on metrics.address "${address}": beyond loopback readers must send a token; ` +
          "set metrics.token_file or SUNSPEC_METRICS_TOKEN",
      );
      return true;
    });
  }
});

Deno.test("a token that no reader can send is refused, and not repeated", async () => {
  for (const token of ["", "two words", "umlaut-ä", "first\nsecond"]) {
    await assert.rejects(serveMetrics({ ...good, token }), (error) => {
      assert.ok(error instanceof ConfigError);
      assert.match(error.message, /^Cannot use the token of metrics: no reader can send it/);
      assert.ok(token === "" || !error.message.includes(token));
      return true;
    });
  }
});

Deno.test("a port in use and an address of another machine are told apart", async () => {
  await using server = await serveMetrics(good);
  await assert.rejects(serveMetrics({ ...good, port: server.port }), (error) => {
    assert.ok(error instanceof TryLaterError);
    const where = `${ADDRESS}:${server.port}`;
    assert.equal(
      error.message,
      `Cannot listen on "${where}": the port is in use, set metrics.port to another`,
    );
    return true;
  });
  await assert.rejects(
    serveMetrics({ ...good, address: "192.0.2.1", token: "x" }),
    (error) => error instanceof ConfigError && error.message.startsWith("Cannot listen on "),
  );
});

Deno.test("closing waits for nobody: neither for an idle client nor for half a request", async () => {
  const server = await serveMetrics(good);
  const { port } = server;
  const clients = ["", "GET /metr", "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"].map(
    async (text) => {
      const client = await Deno.connect({ hostname: ADDRESS, port });
      await client.write(new TextEncoder().encode(text));
      if (text.endsWith("\n")) await client.read(new Uint8Array(4096));
      return client;
    },
  );
  const open = await Promise.all(clients);
  await server[Symbol.asyncDispose]();
  for (const client of open) client.close();
});
