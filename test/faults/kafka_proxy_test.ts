import assert from "node:assert/strict";
import { KAFKA_API, type KafkaApi, KafkaProxy } from "./kafka_proxy.ts";

/** A request without a body: size, API key, version, correlation id. */
function request(api: KafkaApi, correlation: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(12));
  view.setInt32(0, 8);
  view.setInt16(4, KAFKA_API[api]);
  view.setInt32(8, correlation);
  return new Uint8Array(view.buffer);
}

/** Answers each request with its correlation id; says which it got. */
function serve(got: number[]): Disposable & { readonly port: number } {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const answer = async (connection: Deno.TcpConn) => {
    const bytes = new Uint8Array(12);
    for (let at = 0;;) {
      const length = await connection.read(bytes.subarray(at)).catch(() => null);
      if (length === null) return connection.close();
      at = (at + length) % 12;
      if (at > 0) continue;
      got.push(new DataView(bytes.buffer).getInt32(8));
      await connection.write(Uint8Array.of(0, 0, 0, 4, ...bytes.subarray(8)));
    }
  };
  (async () => {
    for await (const connection of listener) answer(connection);
  })().catch(() => {});
  return { port: listener.addr.port, [Symbol.dispose]: () => listener.close() };
}

/** Sends requests in two pieces each; gives the correlation ids that come back before the end. */
async function ask(proxy: KafkaProxy, ...requests: readonly Uint8Array[]): Promise<number[]> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: proxy.port });
  const answers: number[] = [];
  for (const bytes of requests) {
    try {
      await connection.write(bytes.subarray(0, 7));
      await connection.write(bytes.subarray(7));
      const answer = new Uint8Array(8);
      if (await connection.read(answer) === null) break;
      answers.push(new DataView(answer.buffer).getInt32(4));
    } catch {
      break;
    }
  }
  return answers;
}

Deno.test("the proxy loses the one answer that it was told to, and its connection", async () => {
  const got: number[] = [];
  using broker = serve(got);
  await using proxy = new KafkaProxy(0);
  proxy.leadTo(broker.port);
  const requests = [request("Produce", 1), request("EndTxn", 2), request("Produce", 3)];
  assert.deepEqual(await ask(proxy, ...requests), [1, 2, 3]);
  const dropped = proxy.drop("EndTxn");
  assert.deepEqual(await ask(proxy, ...requests), [1]);
  await dropped;
  // The broker had the request all the same, and the next one is answered again.
  assert.deepEqual(got, [1, 2, 3, 1, 2]);
  assert.deepEqual(await ask(proxy, ...requests), [1, 2, 3]);
  const all = proxy.dropAll("Produce", 300);
  assert.deepEqual(await ask(proxy, request("Produce", 9)), []);
  assert.deepEqual(await ask(proxy, request("Produce", 9)), []);
  await all;
  assert.deepEqual(await ask(proxy, request("Produce", 9)), [9]);
});

Deno.test("the proxy holds the next request of a kind back, and no other", async () => {
  const got: number[] = [];
  using broker = serve(got);
  await using proxy = new KafkaProxy(0);
  proxy.leadTo(broker.port);
  const held = proxy.hold("EndTxn", 300);
  const answers = ask(proxy, request("EndTxn", 1));
  assert.deepEqual(await ask(proxy, request("Produce", 2)), [2]);
  await held;
  assert.deepEqual(await answers, [1]);
  assert.deepEqual(got, [2, 1]);
  assert.deepEqual(await ask(proxy, request("EndTxn", 3)), [3]);
});

Deno.test("the proxy cuts, takes nobody, holds everything back, or goes silent", async () => {
  using broker = serve([]);
  await using proxy = new KafkaProxy(0);
  proxy.leadTo(broker.port);
  const down = proxy.flap("down", 200);
  assert.deepEqual(await ask(proxy, request("Produce", 1)), []);
  await down;
  assert.deepEqual(await ask(proxy, request("Produce", 1)), [1]);
  const stalled = proxy.flap("stall", 200);
  let isOver = false;
  stalled.then(() => isOver = true);
  assert.deepEqual(await ask(proxy, request("Produce", 2)), [2]);
  assert.equal(isOver, true);
  for (const [kind, end] of [["cut", "closed"], ["half_open", "silent"]] as const) {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port: proxy.port });
    await connection.write(request("Produce", 1));
    await connection.read(new Uint8Array(8));
    await proxy.flap(kind, 0);
    await connection.write(request("Produce", 2)).catch(() => {});
    const answer = connection.read(new Uint8Array(8)).then(() => "closed", () => "closed");
    const late = Promise.withResolvers<string>();
    const timer = setTimeout(() => late.resolve("silent"), 200);
    assert.equal(await Promise.race([answer, late.promise]), end);
    clearTimeout(timer);
  }
});
