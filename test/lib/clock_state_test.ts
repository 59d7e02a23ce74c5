import assert from "node:assert/strict";
import { readClockState } from "../../lib/clock_state.ts";
import { temporaryFolder } from "../program.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const NOW = Date.UTC(2026, 10, 21, 12);
const MINUTE = 60_000;
const TIMESYNCD = "/run/systemd/timesync/";
const CHRONYD = "/run/chrony/chronyd.pid";
const CHRONY_DRIFT = "/var/lib/chrony/chrony.drift";

/** Makes files, each with the minutes it is old. */
async function lay(root: string, files: Readonly<Record<string, number>>): Promise<void> {
  for (const [path, minutes] of Object.entries(files)) {
    const at = new Date(NOW - minutes * MINUTE);
    await Deno.mkdir(root + path.slice(0, path.lastIndexOf("/")), { recursive: true });
    if (path.endsWith("/")) continue;
    await Deno.writeTextFile(root + path, "");
    await Deno.utime(root + path, at, at);
  }
}

Deno.test("the clock's state is what time services leave in files", async () => {
  for (
    const [what, files, want] of [
      ["no service", {}, null],
      ["timesyncd, not yet", { [TIMESYNCD]: 0 }, false],
      ["timesyncd", { [`${TIMESYNCD}synchronized`]: 500 }, true],
      ["chronyd, just started", { [CHRONYD]: 1, [CHRONY_DRIFT]: 60 }, null],
      ["chronyd, its drift written at the end of the last run", {
        [CHRONYD]: 10,
        [CHRONY_DRIFT]: 10,
      }, null],
      ["chronyd", { [CHRONYD]: 600, [CHRONY_DRIFT]: 59 }, true],
      ["chronyd, without a source for long", { [CHRONYD]: 600, [CHRONY_DRIFT]: 121 }, null],
      ["chronyd, its drift from times to come", { [CHRONYD]: 600, [CHRONY_DRIFT]: -1 }, null],
      ["no chronyd, but the drift of one", { [CHRONY_DRIFT]: 5 }, null],
      ["ntpd", { "/run/ntpd.pid": 600, "/var/lib/ntpsec/ntp.drift": 5 }, true],
      ["one of two is enough", { [TIMESYNCD]: 0, [CHRONYD]: 600, [CHRONY_DRIFT]: 5 }, true],
      ["one that knows it is not", { [TIMESYNCD]: 0, [CHRONYD]: 600, [CHRONY_DRIFT]: 500 }, false],
    ] as const
  ) {
    using folder = temporaryFolder();
    await lay(folder.path, files);
    assert.equal(await readClockState({ root: folder.path, now: NOW }), want, what);
  }
});

Deno.test("a year that this version cannot live in is wrong, whatever services say", async () => {
  using folder = temporaryFolder();
  await lay(folder.path, { [`${TIMESYNCD}synchronized`]: 0 });
  for (
    const [now, want] of [
      [0, false],
      [-1, false],
      [Date.UTC(2025, 11, 31), false],
      [Date.UTC(2026, 0, 1), true],
      [Date.UTC(2051, 0, 1), true],
      [Date.UTC(2076, 0, 1), false],
    ] as const
  ) {
    assert.equal(await readClockState({ root: folder.path, now }), want, String(now));
  }
});
