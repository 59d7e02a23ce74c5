import type { Circumstances } from "./machine.ts";
import type { Column, Measurement, Part } from "./measurement.ts";
import { verdictsOf } from "./goals.ts";
import type { Findings, Result } from "./runner.ts";

/** A whole run. */
export interface Run {
  readonly circumstances: Circumstances;
  readonly loadAfter: number;
  readonly rounds: number;
  readonly findings: readonly Findings[];
}

/** The run for programs: every figure of every round. */
export function jsonOf({ circumstances, loadAfter, rounds, findings }: Run): string {
  const measurements = findings.map(({ measurement: { name, title, parts, ratio }, results }) => (
    { name, title, ratio, parts, results }
  ));
  return `${JSON.stringify({ circumstances, loadAfter, rounds, measurements }, null, 2)}\n`;
}

/** The run for people. */
export function markdownOf({ circumstances, loadAfter, rounds, findings }: Run): string {
  const { date, command, commit, processor, cores, memoryGib, kernel, deno, fileSystem } =
    circumstances;
  return [
    `\`${command}\` on ${
      date.slice(0, 16).replace("T", " ")
    } UTC, commit ${commit}: ${processor}, ` +
    `${cores} cores, ${memoryGib} GiB, Linux ${kernel}, Deno ${deno}, ${fileSystem}. Load average ` +
    `${circumstances.loadBefore.toFixed(1)} before, ${loadAfter.toFixed(1)} after. Medians of ` +
    `${rounds} interleaved ${rounds === 1 ? "round" : "rounds"}.`,
    goalsChapter(findings),
    ...findings.map(chapter),
  ].filter(Boolean).join("\n\n") + "\n";
}

function goalsChapter(findings: readonly Findings[]): string {
  const rows = verdictsOf(findings).filter(({ measured }) => measured !== undefined)
    .map(({ goal, measured, floor, isMet }) => [
      goal.figure,
      goal.quotedPeer,
      floor?.toFixed(goal.digits) ?? "–",
      `${goal.isLeast ? "≥" : "≤"} ${goal.limit} ${goal.unit}`,
      measured?.toFixed(goal.digits) ?? "–",
      isMet ? "yes" : "no",
    ]);
  const head = ["figure", "peer, quoted", "floor, this run", "goal", "measured", "met"];
  return rows.length === 0 ? "" : `### Goals\n\n${GOALS_ABOUT}\n\n${table(head, rows)}`;
}

const GOALS_ABOUT =
  "The quoted figures of the peer, the open Rust collector of the same design, come " +
  "from another run on another machine: it publishes raw registers and decodes nothing.";

function chapter({ measurement, results }: Findings): string {
  const { title, parts } = measurement;
  const faults = results.flatMap(({ row, subject, faults }) =>
    [...new Set(faults)].map((fault) => `- ${row}, ${subject}: ${oneLine(fault)}`)
  );
  const tables = parts.flatMap((part) => [part.about, tableOf(part, measurement, results)]);
  return [`### ${title}`, ...tables, faults.join("\n")].filter(Boolean).join("\n\n");
}

/** One part; columns and lines without a figure are left out. */
function tableOf(part: Part, { parts, ratio }: Measurement, all: readonly Result[]): string {
  const has = ({ medians }: Result, { key }: Column) => (medians[key] ?? null) !== null;
  const results = all.filter((result) => part.columns.some((column) => has(result, column)));
  const columns = part.columns.filter((column) => results.some((result) => has(result, column)));
  const compared = part === parts[0] ? columns.find(({ key }) => key === ratio) : undefined;
  const head = ["", "what", ...columns.map(({ title }) => title)];
  const rows = results.map((result, i) => [
    results[i - 1]?.row === result.row ? "" : result.row,
    result.subject,
    ...columns.map((column) => cell(result, column)),
    ...compared ? [ratioOf(result, results, ratio)] : [],
  ]);
  return table(compared ? [...head, `${compared.title.split(",")[0]}, times floor`] : head, rows);
}

function cell({ medians }: Result, { key, digits }: Column): string {
  const value = medians[key] ?? null;
  return value === null ? "–" : value.toFixed(digits);
}

/** How many times as much as the subject it is held against. */
function ratioOf(
  { row, against, medians }: Result,
  results: readonly Result[],
  key: string,
): string {
  const floors = results.filter(({ subject }) => subject === against);
  const floor = floors.find((other) => other.row === row) ?? floors[0];
  const [own, other] = [medians[key] ?? null, floor?.medians[key] ?? null];
  return own === null || other === null || other === 0 ? "–" : (own / other).toFixed(1);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map((_, i) => i < 2 ? "---" : "---:")), ...rows.map(line)]
    .join("\n");
}

function oneLine(text: string): string {
  return text.split("\n").slice(0, 2).join(" ").slice(0, 200);
}
