import assert from "node:assert/strict";
import { serveMetrics } from "../../lib/http.ts";
import type { HttpLimits } from "../../lib/http_listener.ts";
import { eventually, loopbackNet } from "../program.ts";

const ADDRESS = `${loopbackNet()}.1`;
const TIGHT: HttpLimits = { connections: 4, headBytes: 2048, headMs: 300, idleMs: 300 };
const HUGE = "x".repeat(50_000_000);

function serve({ token, text = "a 1\n" }: { token?: string; text?: string } = {}) {
  return serveMetrics({
    address: ADDRESS,
    port: 0,
    token,
    limits: TIGHT,
    metrics: () => Promise.resolve({ type: "text/plain", text }),
    healthy: () => Promise.resolve({ ok: true, detail: {} }),
    ready: () => Promise.resolve({ ok: true, detail: {} }),
  });
}

/** Sends bytes on a connection of their own, and gives all that comes back until it is closed. */
async function exchange(port: number, text: string): Promise<string> {
  using connection = await Deno.connect({ hostname: ADDRESS, port });
  if (text !== "") await connection.write(new TextEncoder().encode(text));
  return await everything(connection);
}

async function everything(connection: Deno.Conn): Promise<string> {
  const decoder = new TextDecoder();
  let heard = "";
  try {
    for await (const bytes of connection.readable) heard += decoder.decode(bytes, { stream: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
  }
  return heard;
}

function request(line: string, ...fields: readonly string[]): string {
  return [`${line} HTTP/1.1`, "Connection: close", ...fields, "", ""].join("\r\n");
}

const status = (reply: string) => Number(/^HTTP\/1\.1 (\d{3})/.exec(reply)?.[1]);
const body = (reply: string) => reply.slice(reply.indexOf("\r\n\r\n") + 4);

Deno.test("a page is read, its head alone too; nothing else is said, and to nobody across origins", async () => {
  await using server = await serve();
  const host = `Host: ${ADDRESS}:${server.port}`;
  const page = await exchange(
    server.port,
    request("GET /metrics", host, "Origin: http://a.example"),
  );
  assert.deepEqual([status(page), body(page)], [200, "a 1\n"]);
  assert.doesNotMatch(page, /access-control|server:|x-powered-by/i);
  assert.match(page, /x-content-type-options: nosniff/i);
  const head = await exchange(server.port, request("HEAD /metrics", host));
  assert.deepEqual([status(head), body(head)], [200, ""]);
});

Deno.test("what is not there and what is not served get the same short answer", async () => {
  await using server = await serve();
  const host = `Host: ${ADDRESS}`;
  for (
    const [line, code] of [
      ["GET /", 404],
      ["GET /../etc/passwd", 404],
      ["GET /%2e%2e/%2e%2e/etc/passwd", 404],
      ["GET /metrics/<script>", 404],
      ["GET http://elsewhere.example/", 404],
      ["OPTIONS *", 404],
      ["POST /metrics", 405],
      ["PUT /healthz", 405],
      ["DELETE /readyz", 405],
      ["OPTIONS /metrics", 405],
      ["PURGE /metrics", 405],
    ] as const
  ) {
    const reply = await exchange(server.port, request(line, host));
    assert.deepEqual([status(reply), body(reply)], [code, "nothing here\n"], line);
  }
});

Deno.test("on loopback a page of the web is not let in by a name of its own", async () => {
  await using server = await serve();
  const { port } = server;
  for (const name of ["localhost", "LOCALHOST", "127.0.0.1", ADDRESS, "[::1]"]) {
    for (const host of [name, `${name}:${port}`]) {
      const reply = await exchange(port, request("GET /metrics", `Host: ${host}`));
      assert.equal(status(reply), 200, host);
    }
  }
  for (const name of ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", ""]) {
    const reply = await exchange(port, request("GET /metrics", `Host: ${name}:${port}`));
    assert.deepEqual([status(reply), body(reply)], [421, "not this host\n"], name);
  }
});

Deno.test("every refusal of a token is the same, whatever was sent", async () => {
  const token = "0123456789abcdef0123456789abcdef";
  await using server = await serve({ token });
  const ask = (page: string, ...fields: string[]) =>
    exchange(server.port, request(`GET ${page}`, "Host: x", ...fields));
  const good = await ask("/metrics", `Authorization: Bearer ${token}`);
  assert.equal(status(good), 200);
  const undated = (reply: string) => reply.replace(/^date: .*\r\n/im, "");
  const refusals = await Promise.all([
    ask("/metrics"),
    ask("/no-such-page"),
    ask("/metrics", "Authorization: Bearer wrong"),
  ]);
  refusals.push(
    await ask("/metrics", `Authorization: Bearer ${token}0`),
    await ask("/metrics", `Authorization: Basic ${token}`),
    await ask("/metrics", "Authorization: \u0000"),
  );
  const [first = "", ...others] = refusals.slice(0, -1).map(undated);
  assert.equal(status(first), 401);
  for (const other of others) assert.equal(other, first);
  assert.equal(status(refusals.at(-1) ?? ""), 400);
});

Deno.test("too much, too little and nonsense end the connection", async () => {
  await using server = await serve();
  const host = `Host: ${ADDRESS}`;
  for (
    const [text, code] of [
      [request("GET /metrics", host, `X: ${"a".repeat(4096)}`), 431],
      [request(`GET /${"a".repeat(4096)}`, host), 431],
      [request("POST /metrics", host, "Content-Length: 1000000000"), 413],
      [request("GET /metrics", host, "Transfer-Encoding: chunked"), 413],
      [request("GET /metrics", host, "Content-Length: 5", "Transfer-Encoding: chunked"), 400],
      [request("GET /metrics"), 400],
      [request("TRACE /metrics", host), 400],
      [request("CONNECT elsewhere.example:443", host), 0],
      [request("BREW /metrics", host), 400],
      ["\u0016\u0003\u0001 hello\r\n\r\n", 400],
      ["", 408],
      ["GET /metrics HTTP/1.1\r\nHost: x\r\nX: slow", 408],
    ] as const
  ) {
    const reply = await exchange(server.port, text);
    assert.ok(status(reply) === code || reply === "", `${text.slice(0, 40)}: ${reply}`);
  }
  assert.equal(status(await exchange(server.port, request("GET /metrics", host))), 200);
});

Deno.test("one byte now and then keeps no connection", async () => {
  await using server = await serve();
  using connection = await Deno.connect({ hostname: ADDRESS, port: server.port });
  await connection.write(new TextEncoder().encode("GET /metrics HTTP/1.1\r\nHost: x\r\nX: "));
  let isOpen = true;
  const heard = everything(connection).finally(() => isOpen = false);
  await eventually("it is cut off", async () => {
    await connection.write(new TextEncoder().encode("X")).catch(() => {});
    return !isOpen;
  });
  assert.match(await heard, /^(HTTP\/1\.1 4\d\d [^]*)?$/);
});

Deno.test("a reader that does not read is cut off", async () => {
  await using server = await serve({ text: HUGE });
  await eventually("a reader is cut off", async () => {
    const connection = await Deno.connect({ hostname: ADDRESS, port: server.port });
    await connection.write(new TextEncoder().encode(request("GET /metrics", `Host: ${ADDRESS}`)));
    await new Promise((resolve) => setTimeout(resolve, 2 * TIGHT.idleMs));
    return (await everything(connection)).length < HUGE.length;
  });
});

Deno.test("who takes all connections is not the last: they are closed, and others are served", async () => {
  await using server = await serve();
  const { port } = server;
  const greedy = Array.from({ length: 20 }, () => exchange(port, ""));
  const replies = await Promise.all(greedy);
  const held = replies.filter((reply) => reply !== "");
  assert.ok(held.length <= TIGHT.connections, `${held.length} were held`);
  const reply = await exchange(port, request("GET /metrics", `Host: ${ADDRESS}`));
  assert.equal(status(reply), 200);
});
