import assert from "node:assert/strict";
import RequestQueue from "kafkajs/request-queue";
import { mendRequestQueue } from "../../../lib/outputs/kafka/request_queue.ts";
import { eventually } from "../../program.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const TIMEOUT_MS = 300;
const HOUR_MS = 3_600_000;

/** A queue of the library's, mended, that nobody answers; `sent` lists what left it. */
async function queueing() {
  await mendRequestQueue();
  const log = () => {};
  const queue = new RequestQueue({
    maxInFlightRequests: 2,
    requestTimeout: TIMEOUT_MS,
    enforceRequestTimeout: true,
    clientId: "test",
    broker: "test",
    logger: { debug: log, warn: log },
  });
  queue.scheduleRequestTimeoutCheck();
  const sent: number[] = [];
  const failed: number[] = [];
  return {
    queue,
    sent,
    failed,
    push(correlationId: number) {
      queue.push({
        entry: {
          correlationId,
          apiName: "Produce",
          resolve() {},
          reject: () => failed.push(correlationId),
        },
        expectResponse: true,
        sendRequest: () => sent.push(correlationId),
      });
    },
    [Symbol.dispose]: () => queue.destroy(),
  };
}

/** The wall clock, set by so much until the end of the scope. */
function setBy(ms: number): Disposable {
  const { now } = Date;
  Date.now = () => now() + ms;
  return { [Symbol.dispose]: () => Date.now = now };
}

Deno.test("a clock that is set forward ends no request that is under way", async () => {
  using work = await queueing();
  work.push(1);
  const sentAt = performance.now();
  using _clock = setBy(HOUR_MS);
  await eventually("it times out", () => work.failed.length > 0);
  assert.ok(performance.now() - sentAt >= TIMEOUT_MS);
});

Deno.test("a clock that is set back keeps no request that hangs, and no throttled one", async () => {
  using work = await queueing();
  work.push(1);
  work.queue.maybeThrottle(20);
  work.push(2);
  assert.deepEqual(work.sent, [1]);
  using _clock = setBy(-HOUR_MS);
  await eventually("the throttled one leaves", () => work.sent.length === 2);
  await eventually("both time out", () => work.failed.length === 2);
});

Deno.test("what does not fit leaves when there is room, and an empty queue has no timer", async () => {
  using work = await queueing();
  assert.equal(work.queue.throttleCheckTimeoutId, null);
  for (const id of [1, 2, 3]) work.push(id);
  assert.deepEqual(work.sent, [1, 2]);
  work.queue.fulfillRequest({ correlationId: 1, payload: null, size: 0 });
  assert.deepEqual(work.sent, [1, 2, 3]);
  await eventually("nobody looks any more", () => work.queue.throttleCheckTimeoutId === null);
});
