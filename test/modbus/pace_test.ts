import assert from "node:assert/strict";
import { Pace } from "../../lib/modbus/pace.ts";

function paced(pauses = { connectMs: 0, readMs: 0 }) {
  const learned: string[] = [];
  return { pace: new Pace(pauses, (kind, ms) => learned.push(`${kind} ${ms}`)), learned };
}

Deno.test("a device that is not ready when it accepts a connection is given time", () => {
  for (const needsMs of [300, 700, 1500]) {
    const { pace, learned } = paced();
    let tries = 0;
    while (learned.length === 0 && tries++ < 20) pace.first(1, pace.connectMs >= needsMs);
    const want = needsMs <= 500 ? 500 : needsMs <= 1000 ? 1000 : 2000;
    assert.deepEqual([learned, pace.connectMs], [[`connect ${want}`], want]);
    assert.ok(tries <= 5, `${tries} tries`);
    for (let i = 0; i < 50; i++) pace.first(1, false);
    assert.equal(pace.connectMs, want, "what is learned stays, and nothing more is tried");
  }
});

Deno.test("a device that is dead, or was ever ready at once, is not waited for", () => {
  const { pace, learned } = paced();
  const waits = Array.from({ length: 40 }, () => {
    pace.first(1, false);
    return pace.connectMs;
  });
  assert.ok(waits.filter((ms) => ms > 0).length <= 12, "three tries of ten");
  pace.first(1, pace.connectMs === 0);
  assert.deepEqual(learned, []);

  const { pace: prompt } = paced();
  prompt.first(1, true);
  for (let i = 0; i < 50; i++) {
    prompt.first(2, false);
    assert.equal(prompt.connectMs, 0);
  }
});

/** Requests back to back to a device that loses those which come too soon. */
function poll(pace: Pace, needsMs: number, rounds: number): void {
  let isConnected = false;
  for (let i = 0; i < rounds; i++) {
    if (!isConnected) pace.first(1, true);
    isConnected = !(pace.readMs < needsMs && isConnected);
    if (isConnected) pace.next(1, true, pace.readMs);
    else pace.next(1, false, pace.readMs);
  }
}

Deno.test("a device that loses requests which come right after an answer is asked more slowly", () => {
  for (const [needsMs, want] of [[40, 50], [300, 400], [1000, 1000], [5000, 1000]] as const) {
    const { pace, learned } = paced();
    poll(pace, needsMs, 100);
    assert.equal(pace.readMs, want);
    assert.equal(learned.at(-1), `read ${want}`);
    assert.ok(learned.length <= 6);
  }
  const { pace } = paced({ connectMs: 0, readMs: 250 });
  poll(pace, 300, 100);
  assert.equal(pace.readMs, 400, "from the configured pause on");
});

Deno.test("no pause is learned from what has other reasons", () => {
  const cases: Record<string, (pace: Pace) => void> = {
    "a unit id that is not there, its neighbours answering": (pace) => {
      pace.next(7, false, 0);
      pace.first(1, true);
      pace.next(1, true, 0);
    },
    "a device that comes and goes": (pace) => {
      pace.next(1, false, 0);
      pace.first(1, false);
      pace.first(1, true);
    },
    "requests a second apart": (pace) => {
      pace.next(1, false, 1000);
      pace.first(1, true);
    },
    "a loss now and then": (pace) => {
      pace.next(1, false, 0);
      pace.first(1, true);
      for (let i = 0; i < 60; i++) pace.next(1, true, 0);
    },
  };
  for (const [name, play] of Object.entries(cases)) {
    const { pace, learned } = paced();
    pace.first(1, true);
    for (let i = 0; i < 20; i++) play(pace);
    assert.deepEqual([learned, pace.pauses], [[], { connectMs: 0, readMs: 0 }], name);
  }
});
