/** A request on its way, as far as it is mended here. */
interface SocketRequest {
  readonly requestTimeout: number;
  sentAt: number;
  timeoutRequest(): void;
}

/** What the library's queue of requests looks like, as far as it is mended here. */
interface RequestQueue {
  readonly enforceRequestTimeout: boolean;
  readonly requestTimeout: number;
  readonly maxInFlightRequests: number | null | undefined;
  readonly inflight: ReadonlyMap<number, SocketRequest>;
  readonly pending: readonly unknown[];
  throttledUntil: number;
  throttleCheckTimeoutId: ReturnType<typeof setTimeout> | null;
  requestTimeoutIntervalId: ReturnType<typeof setInterval>;
  checkPendingRequests(): void;
  isConnected(): boolean;
  destroy(): void;
}

/** How often a full queue is looked at, and how often requests are, as in the library. */
const QUEUE_CHECK_MS = 10;
const TIMEOUT_CHECK_MS = 100;

/**
 * Mends two things in the request queue of kafkajs 2.2.4, for all its clients:
 *
 * - It sets a timer of 1 ms again and again on every idle connection (its issue 1704), with a
 *   negative time at first. A queue with nothing in it needs no timer.
 * - It measures on the wall clock: one that is set forward ends requests that are well under way,
 *   one that is set back keeps those that hang, and the throttled ones. Here nobody sets the time.
 */
export function mendRequestQueue(): Promise<void> {
  return mended ??= mend();
}

let mended: Promise<void> | undefined;

async function mend(): Promise<void> {
  const { default: queue } = await import("kafkajs/request-queue");
  const send = queue.prototype.sendSocketRequest;
  Object.assign(queue.prototype, {
    scheduleCheckPendingRequests(this: RequestQueue) {
      if (this.pending.length === 0 || this.throttleCheckTimeoutId !== null) return;
      const wait = Math.max(this.throttledUntil - performance.now(), QUEUE_CHECK_MS);
      this.throttleCheckTimeoutId = setTimeout(() => {
        this.throttleCheckTimeoutId = null;
        this.checkPendingRequests();
      }, wait);
    },
    sendSocketRequest(this: RequestQueue, request: SocketRequest) {
      send.call(this, request);
      request.sentAt = performance.now();
    },
    scheduleRequestTimeoutCheck(this: RequestQueue) {
      if (!this.enforceRequestTimeout) return;
      this.destroy();
      this.requestTimeoutIntervalId = setInterval(() => {
        const now = performance.now();
        for (const request of [...this.inflight.values()]) {
          if (now - request.sentAt > request.requestTimeout) request.timeoutRequest();
        }
        if (!this.isConnected()) this.destroy();
      }, Math.min(this.requestTimeout, TIMEOUT_CHECK_MS));
    },
    maybeThrottle(this: RequestQueue, ms: number | null) {
      if (ms !== null && ms > 0) {
        this.throttledUntil = Math.max(performance.now() + ms, this.throttledUntil);
      }
    },
    canSendSocketRequestImmediately(this: RequestQueue) {
      const isFull = this.inflight.size >= (this.maxInFlightRequests ?? Number.POSITIVE_INFINITY);
      return !isFull && this.throttledUntil <= performance.now();
    },
  });
}
