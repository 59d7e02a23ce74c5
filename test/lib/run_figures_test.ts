import assert from "node:assert/strict";
import { RunFigures } from "../../lib/run_figures.ts";
import { assertGolden } from "../golden.ts";

const END = { seconds: 1.5, now: 1_795_647_636_983 };

function told(exitCode: number, before: string): string {
  const figures = new RunFigures("drain");
  figures.readings("file", "delivered", 0);
  figures.readings("file", "delivered", 3);
  figures.readings("file", "rejected", 1);
  figures.buffer({
    rows: 12,
    bytes: 40_960,
    stored: 0,
    maxBytes: 1_073_741_824,
    oldestAt: END.now - 5000,
    deadLetters: 1,
    backlog: { 'a "quoted\\\n" one': 7, file: 0 },
    waitingSince: { 'a "quoted\\\n" one': END.now - 4000, file: undefined },
    dropped: [{ output: "file", reason: "max_bytes", count: 2 }],
  }, END.now);
  return figures.render({ exitCode, ...END }, before);
}

Deno.test("a textfile is what it was", async () => {
  await assertGolden(import.meta, "run_figures.txt", told(0, ""));
});

Deno.test("a run that failed keeps when one of its own command last went well", () => {
  const success = /^sunspool_run_last_success_timestamp_seconds\{command="drain"\} (.*)$/m;
  const others = 'sunspool_run_last_success_timestamp_seconds{command="poll"} 5\n';
  for (
    const [exitCode, before, want] of [
      [0, "", "1795647636.983"],
      [75, "", "0"],
      [75, others, "0"],
      [75, told(0, ""), "1795647636.983"],
      [1, told(75, told(0, "")), "1795647636.983"],
      [1, "neither text nor numbers {", "0"],
    ] as const
  ) {
    assert.equal(success.exec(told(exitCode, before))?.[1], want);
  }
});
