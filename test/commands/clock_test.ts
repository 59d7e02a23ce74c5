import assert from "node:assert/strict";
import { eventually, type Program, run, simulate, start, temporaryFolder } from "../program.ts";
import { serviceTest } from "../services.ts";

const DAY_S = 86_400;
/** How far back 1970 is, about. */
const SINCE_1970_S = 1_790_000_000;
const YEAR_1980_US = Date.UTC(1980) * 1000;

/** A record as `decode` prints it, as far as it matters here. */
interface Told {
  readonly kind: string;
  readonly position: number;
  readonly device: { readonly id: string };
  readonly source: string;
  /** Unix microseconds. */
  readonly collected_at: number;
  readonly clock_synced: boolean | null;
  readonly points: readonly { readonly text: string | null }[];
}

/** A system clock that can be set, for programs that begin with this environment. */
function settableClock(library: string, folder: string) {
  const file = `${folder}/clock`;
  return {
    env: {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
      NO_FAKE_STAT: "1",
    },
    /** Sets it so many seconds ahead of the true time. */
    set: (ahead: number) =>
      Deno.writeTextFileSync(file, `${ahead < 0 ? "-" : "+"}${Math.abs(ahead)}`),
  };
}

async function recordsOf(cwd: string): Promise<readonly Told[]> {
  const names = [...Deno.readDirSync(`${cwd}/readings`)].map(({ name }) => `readings/${name}`);
  const { code, out, err } = await run(["decode", ...names], { cwd });
  assert.equal(code, 0, err);
  return out.trimEnd().split("\n").map((line) => JSON.parse(line))
    .toSorted((a, b) => a.position - b.position);
}

/** Waits until so many polls more have been good. */
async function polledOn(collect: Program): Promise<void> {
  const [, place] = await collect.told(/"metrics are served","address":"([^"]+)"/);
  const polls = async () => {
    const text = await (await fetch(`http://${place}/metrics`)).text();
    return Number(/^poller_success (\d+)$/m.exec(text)?.[1] ?? 0);
  };
  const before = await polls();
  await eventually("it is polled on", async () => await polls() >= before + 3);
}

serviceTest(
  "times go forward from a boot in 1970 on, over steps and restarts, and say when they are wrong",
  ["faketime"],
  async ({ faketime }) => {
    using folder = temporaryFolder();
    const cwd = folder.path;
    await using simulation = await simulate(["--device", "1,103"], { cwd });
    const clock = settableClock(faketime, cwd);
    await Deno.writeTextFile(
      `${cwd}/collect.toml`,
      `[[devices]]\nendpoint = "${simulation.endpoints[0]}"\n`,
    );
    const collecting = () =>
      start(["collect", "--config", "collect.toml"], {
        cwd,
        env: {
          ...clock.env,
          SUNSPEC_POLL_INTERVAL_MS: "50",
          SUNSPEC_BUFFER_COMMIT_INTERVAL_MS: "10",
          SUNSPEC_METRICS_PORT: "0",
        },
      });
    clock.set(-SINCE_1970_S);
    {
      await using collect = collecting();
      await polledOn(collect);
      clock.set(0);
      await collect.told(
        /"level":"warn","message":"the clock was set 17(?:90000000|89999999)\.\d+ s forward"/,
      );
      await polledOn(collect);
      clock.set(-60);
      await polledOn(collect);
      assert.equal((await collect.stop()).code, 0);
    }
    clock.set(-DAY_S);
    {
      await using collect = collecting();
      await polledOn(collect);
      assert.equal((await collect.stop()).code, 0);
    }
    const records = await recordsOf(cwd);
    const readings = records.filter(({ kind }) => kind === "reading");
    const last = new Map<string, number>();
    for (const { device, source, collected_at, position } of readings) {
      const key = `${device.id} ${source}`;
      assert.ok(collected_at > (last.get(key) ?? 0), `${position} of ${key} at ${collected_at}`);
      last.set(key, collected_at);
    }
    // 1970; then as good as this machine's clock is said to be; then a clock that was set back.
    const flags = readings.map(({ clock_synced }) => clock_synced);
    assert.deepEqual([flags[0], flags.at(-1)], [false, false]);
    const isWrong = readings.map(({ collected_at }) => collected_at < YEAR_1980_US);
    assert.equal(isWrong[0], true);
    assert.ok(isWrong.every((wrong, i) => !wrong || flags[i] === false));
    assert.equal(isWrong.at(-1), false);
    const events = records.filter(({ kind }) => kind === "event");
    assert.ok(events.some(({ points }) => points.some(({ text }) => text === "clock_set")));
  },
);
