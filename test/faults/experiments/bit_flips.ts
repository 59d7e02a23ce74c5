import { join } from "node:path";
import { crc32c } from "../../../lib/crc32c.ts";
import { Rows } from "../../../lib/buffer/rows.ts";
import { Sql } from "../../../lib/buffer/sql.ts";
import { Templates } from "../../../lib/buffer/templates.ts";
import { Chance } from "../../modbus/chance.ts";
import type { Experiment, ExperimentOptions, Outcome } from "../experiment.ts";
import { type Delivered, readFolder } from "../delivered.ts";
import { judge, type Verdict } from "../judge.ts";
import { KeptCollector } from "../kept_collector.ts";
import { COLLECTOR, Site } from "../site.ts";

const COMMITS = 15;
const BITS = 64;
/** Events that stand for readings which nobody can count any more. */
const TOLD = ["buffer_set_aside", "buffer_log_damaged", "positions_changed"];
/** Readings of so long share a commit, on a busy machine too. */
const LAST_COMMIT_US = 60_000;
const SUFFIXES = ["", "-wal"] as const;

/** Bits of the stopped buffer turn over, in the database or in its log. */
export const bitFlips: Experiment = {
  number: 10,
  name: "bit flips in the stopped buffer",
  gateCycles: 100,
  fullCycles: 5000,
  run,
};

async function run({ cycles, seed, sabotage, signal, log }: ExperimentOptions): Promise<Outcome> {
  const chance = new Chance(seed);
  await using site = await Site.make();
  const sound = join(site.folder, "sound");
  await prepare(site, sound);
  const kept = [...site.committed];
  const verdicts: Verdict[] = [];
  let committed = 0;
  for (let cycle = 0; cycle < cycles; cycle++) {
    signal.throwIfAborted();
    await Deno.remove(site.disk, { recursive: true });
    await Deno.mkdir(site.out, { recursive: true });
    site.committed.splice(0, Infinity, ...kept);
    for (const suffix of SUFFIXES) await Deno.copyFile(sound + suffix, site.buffer + suffix);
    const what = sabotage ? changeUnseen(site.buffer, chance) : flip(site.buffer, chance);
    const startedAt = performance.now();
    await using collector = new KeptCollector(site);
    await collector.commits(2);
    site.noteRecovery(performance.now() - startedAt);
    await collector.stop();
    const verdict = await judgeDamage(site, kept);
    if (verdict.lost + verdict.twice + verdict.wrong > 0) log(`after ${what}:`);
    verdicts.push(verdict);
    committed += verdict.committed;
  }
  const delivered = verdicts.reduce((sum, verdict) => sum + verdict.delivered, 0);
  return { ...site.outcome(cycles, verdicts, log), committed, delivered };
}

/** What is beyond telling in numbers is told by an event; only the last commit may go as in a crash. */
async function judgeDamage(site: Site, kept: readonly string[]): Promise<Verdict> {
  const { committed, devices } = site;
  const delivered = await readFolder(site.out, COLLECTOR);
  const verdict = judge({ committed, delivered, devices, output: "file" });
  const there = new Set(delivered.map(({ key }) => key));
  const missing = committed.filter((key) => !there.has(key));
  const toldAt = Math.max(0, ...delivered.filter(isTelling).map(({ collectedAt }) => collectedAt));
  const isOfLastCommit = (key: string) =>
    kept.includes(key) && timeOf(key) >= timeOf(kept.at(-1)) - LAST_COMMIT_US;
  const excused = missing.filter((key) => timeOf(key) <= toldAt || isOfLastCommit(key)).length;
  const lost = Math.max(verdict.lost - excused, 0);
  const isGood = lost + verdict.twice + verdict.wrong === 0;
  return { ...verdict, lost, faults: isGood ? [] : verdict.faults };
}

/** Whether a record tells of a loss that nobody can count. */
function isTelling({ kind, record: { points } }: Delivered): boolean {
  return kind === "event" && Array.isArray(points) && TOLD.includes(String(points[0]?.text));
}

/** Unix microseconds. */
function timeOf(key = ""): number {
  return Number(key.slice(key.lastIndexOf(" ")));
}

/** Fills a buffer during an outage; the first half of it is in the database, the rest in its log. */
async function prepare(site: Site, sound: string): Promise<void> {
  await site.block();
  {
    await using collector = site.start();
    await collector.commits(COMMITS);
    await collector.stop();
  }
  await using collector = site.start();
  await collector.commits(COMMITS);
  await collector.kill();
  for (const suffix of SUFFIXES) await Deno.copyFile(site.buffer + suffix, sound + suffix);
}

/** Turns bits over; says where. */
function flip(path: string, chance: Chance): string {
  const suffix = chance.of(...SUFFIXES);
  const bytes = Deno.readFileSync(path + suffix);
  const bits = chance.of(1, 1, 2 + chance.below(BITS));
  const places = Array.from({ length: bits }, () => chance.below(bytes.length));
  for (const at of places) bytes[at] = (bytes[at] ?? 0) ^ 1 << chance.below(8);
  Deno.writeFileSync(path + suffix, bytes);
  return `${bits} bits of ${bytes.length} bytes of the ${suffix ? "log" : "database"}`;
}

/** As `flip`, of a buffer whose rows have no checksum of their own. */
function changeUnseen(path: string, chance: Chance): string {
  using sql = new Sql(path);
  const rows = new Rows(sql, new Templates(sql));
  const all = rows.behind(0, Number.MAX_SAFE_INTEGER);
  const row = rows.sound(all[chance.below(all.length)] ?? {});
  if (!row) throw new Error("No row");
  const { position, schema } = row;
  const payload = row.payload.slice();
  // The end of a record is its last points.
  const at = payload.length - 1 - chance.below(payload.length >> 1);
  payload[at] = (payload[at] ?? 0) ^ 1 << chance.below(8);
  sql.run(
    "UPDATE telemetry_queue SET payload = ?, crc = ?, schema = ?, template = NULL, " +
      "header_crc = NULL WHERE id = ?",
    ...[payload, crc32c(payload), schema, position],
  );
  return `position ${position}`;
}
