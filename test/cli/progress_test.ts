import assert from "node:assert/strict";
import { startProgress } from "../../lib/cli/mod.ts";
import { captureIo } from "./captured_io.ts";

/** Runs a job on a clock that goes on only when told. */
function onClock(job: (advance: (ms: number) => void) => void): void {
  let time = 5;
  Object.defineProperty(performance, "now", { value: () => time, configurable: true });
  try {
    job((ms) => time += ms);
  } finally {
    Reflect.deleteProperty(performance, "now");
  }
}

Deno.test("without a terminal there is a line every ten seconds", () => {
  onClock((advance) => {
    const io = captureIo();
    using progress = startProgress(io, "scanned", 254);
    progress.update(1, "0 found");
    advance(9_999);
    progress.update(2, "0 found");
    assert.equal(io.told, "");
    advance(1);
    progress.update(100, "1 found");
    progress.update(101, "1 found");
    advance(10_000);
    progress.update(200, "");
    assert.equal(io.told, "scanned 100/254, 1 found\nscanned 200/254\n");
    progress[Symbol.dispose]();
    assert.equal(io.told, "scanned 100/254, 1 found\nscanned 200/254\n");
    assert.equal(io.written, "");
  });
});

Deno.test("on a terminal there is a bar, redrawn at most ten times a second, and wiped", () => {
  onClock((advance) => {
    const io = captureIo({ isErrTerminal: true });
    const progress = startProgress(io, "scanned", 4);
    progress.update(1, "0 found");
    advance(99);
    progress.update(2, "0 found");
    advance(1);
    progress.update(4, "2 found");
    progress[Symbol.dispose]();
    progress[Symbol.dispose]();
    const bar = (filled: number) => "#".repeat(filled).padEnd(30);
    assert.deepEqual(io.told.split("\r\u001b[K"), [
      "",
      `[${bar(8)}] scanned 1/4, 0 found`,
      `[${bar(30)}] scanned 4/4, 2 found`,
      "",
    ]);
  });
});

Deno.test("nothing to do is no division by nothing", () => {
  onClock(() => {
    const io = captureIo({ isErrTerminal: true });
    using progress = startProgress(io, "scanned", 0);
    progress.update(0, "");
    assert.match(io.told, /\[ {30}\] scanned 0\/0$/);
  });
});
