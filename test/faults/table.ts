import { renderTable } from "../../lib/cli/print.ts";
import { isGood, type Report } from "./runner.ts";

const COLUMNS = [
  ...["experiment", "cycles", "committed", "delivered", "lost", "twice", "wrong"],
  ...[
    "gaps recorded",
    "longest recovery",
    "peak memory",
    "loop p99",
    "seed",
    "sabotage",
    "verdict",
  ],
];

/** Reports as a table for people. */
export function tableOf(reports: readonly Report[]): string {
  const rows = reports.map((report) => {
    const { experiment, outcome, seed, isSabotageCaught } = report;
    const { cycles, committed, delivered, lost, twice, wrong, gapsRecorded } = outcome;
    return [
      `${experiment.number} ${experiment.name}`,
      ...[cycles, committed, delivered, lost, twice, wrong, gapsRecorded].map(String),
      `${outcome.longestRecoveryMs} ms`,
      outcome.peakMib === undefined ? "" : `${outcome.peakMib} MiB`,
      outcome.loopP99Ms === undefined ? "" : `${outcome.loopP99Ms} ms`,
      String(seed),
      isSabotageCaught ? "caught" : "NOT CAUGHT",
      isGood(report) ? "held" : "BROKEN",
    ];
  });
  return renderTable({ columns: COLUMNS, rows }, false);
}
