import assert from "node:assert/strict";
import { neutralEnvironment, temporaryFolder } from "../program.ts";
import { serviceTest } from "../services.ts";
import { goals } from "./goals.ts";
import type { Figures } from "./measurement.ts";
import { measurements } from "./mod.ts";
import { plans } from "./plans.ts";
import { medians, percentile, slope } from "./statistics.ts";

const MAIN = new URL("main.ts", import.meta.url).pathname;

serviceTest(
  "the bench measures everything it knows, with all peers, and reports it",
  ["kafka", "kcat", "mbpoll", "python"],
  async () => {
    using folder = temporaryFolder();
    const names = measurements.map(({ name }) => name);
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", MAIN, "--tiny", "--only", names.join(), "--out", folder.path],
      clearEnv: true,
      env: { ...neutralEnvironment(), NO_COLOR: "1" },
    }).output();
    const told = new TextDecoder().decode(stderr);
    assert.equal(code, 0, told);
    const report = JSON.parse(await Deno.readTextFile(`${folder.path}/bench.json`));
    assert.deepEqual(report.measurements.map(({ name }: { name: string }) => name), names);
    for (const { name, ratio, results } of report.measurements) {
      for (const { row, subject, rounds, faults } of results) {
        const trial = `${name}: ${row}, ${subject}`;
        assert.deepEqual(faults, [], trial);
        assert.equal(rounds.length, 1, trial);
        assert.ok(Number.isFinite(rounds[0][ratio]), `${trial}: ${JSON.stringify(rounds[0])}`);
      }
    }
    const text = await Deno.readTextFile(`${folder.path}/bench.md`);
    for (const { title } of measurements) assert.ok(text.includes(`### ${title}\n`), title);
  },
);

Deno.test("each goal is held against something that a full run measures", () => {
  for (const { figure, measurement: name, row, subject, key } of goals) {
    const measurement = measurements.find((one) => one.name === name);
    const trials = measurement?.trials(plans.full) ?? [];
    assert.ok(trials.some((trial) => trial.row === row && trial.subject === subject), figure);
    const columns = measurement?.parts.flatMap(({ columns }) => columns) ?? [];
    assert.ok(columns.some((column) => column.key === key), figure);
  }
});

Deno.test("medians are formed of each figure by itself", () => {
  const rounds: Figures[] = [{ a: 1, b: null }, { a: 9, b: 4 }, { a: 2 }];
  assert.deepEqual(medians(rounds), { a: 2, b: 4 });
  assert.deepEqual(medians([{ a: 1 }, { a: 2 }]), { a: 1.5 });
  assert.deepEqual(medians([{ a: null }]), { a: null });
});

Deno.test("percentiles are values that were there", () => {
  const values = Array.from({ length: 100 }, (_, i) => i + 1);
  assert.deepEqual([50, 95, 100].map((p) => percentile(values, p)), [50, 95, 100]);
  assert.equal(percentile([7], 50), 7);
  assert.equal(percentile([], 50), null);
});

Deno.test("a slope is that of the line that fits best", () => {
  assert.equal(slope([[0, 1], [1, 3], [2, 5]]), 2);
  assert.equal(slope([[0, 0], [1, 1], [2, 0]]), 0);
  assert.equal(slope([[1, 1]]), null);
});
