import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { run as runProgram, startKafka } from "../../scripts/services.ts";
import { eventually, type Program, run, simulate, start, temporaryFolder } from "../program.ts";
import { asAdmin } from "../outputs/broker.ts";
import { serviceTest } from "../services.ts";

const CONSUMERS = await Deno.readTextFile(new URL("../../docs/consumers.md", import.meta.url));
const TOPIC = "sunspec.telemetry";

/** A snippet of the document that says what it is to be called. */
function snippet(name: string): string {
  const [, text] = CONSUMERS.split(`<!-- run: ${name} -->`)[1]?.match(/```\w+\n([^]*?)```/) ?? [];
  return text ?? assert.fail(`docs/consumers.md has no ${name}`);
}

/** A point that has arrived: position, name, value, text, unit and quality. */
type Arrived = readonly (string | number | null)[];

/** What a record of `sunspool decode` says of its points. */
interface Decoded {
  readonly position: number;
  readonly kind: string;
  readonly points: readonly Readonly<Record<string, string | number | null>>[];
  readonly gap: { readonly output: string; readonly reason: string } | null;
}

serviceTest(
  "what docs/consumers.md shows takes every value out of Kafka and out of files, once",
  ["kafka", "kcat", "python"],
  async ({ kcat, python }, t) => {
    using folder = temporaryFolder();
    const cwd = folder.path;
    await using kafka = await startKafka();
    await fill(cwd, kafka.brokers);
    const files = [...Deno.readDirSync(`${cwd}/readings`)].map(({ name }) => `readings/${name}`);
    const { out: ndjson } = await run(["decode", ...files], { cwd });
    const records: readonly Decoded[] = ndjson.trimEnd().split("\n").map((line) =>
      JSON.parse(line)
    );
    const expected = records.filter(({ kind }) => kind !== "gap").flatMap(arrivals);
    assert.ok(expected.length > 500);

    await t.step("Python", async () => {
      await Deno.writeTextFile(`${cwd}/consumer.py`, snippet("consumer.py"));
      const consume = (group: string) =>
        start(["consumer.py", kafka.brokers, TOPIC, group], { cwd, command: [python] });
      await using first = consume("first");
      await eventually("some has arrived", () => stored(cwd).length > 0, () => first.err);
      first.kill("SIGKILL");
      await first.ended;
      for (const group of ["first", "second"]) {
        await using again = consume(group);
        await takesAll(group, again, kafka.brokers);
        assert.deepEqual(stored(cwd), expected);
        assert.deepEqual(gaps(cwd), [["kafka", "corrupt"]]);
      }
    });

    await t.step("kcat", async () => {
      const line = /kcat .*?(?= \| sunspool decode)/.exec(CONSUMERS)?.[0] ?? assert.fail();
      const command = line.replace("kcat", kcat).replace("broker:9092", kafka.brokers);
      const value = await new Deno.Command("sh", { args: ["-c", command] }).output();
      const { code, out, err } = await run(["decode", "-"], { cwd, stdin: value.stdout });
      assert.equal(code, 0, err);
      assert.equal(JSON.parse(out.trimEnd().split("\n").at(-1) ?? "").kind, "gap");
    });

    await t.step("DuckDB", async () => {
      await Deno.writeTextFile(`${cwd}/readings.ndjson`, ndjson);
      await Deno.writeTextFile(`${cwd}/readings.sql`, snippet("readings.sql"));
      const script = "import duckdb, json, os; os.chdir(os.sys.argv[1]); db = duckdb.connect(); " +
        "mean = db.sql(open('readings.sql').read()).fetchall(); " +
        "count = db.sql('SELECT count(*) FROM measurement').fetchall(); " +
        "print(json.dumps([count[0][0], [row[2] for row in mean]]))";
      const { code, stdout, stderr } = await runProgram(python, ["-c", script, cwd]);
      assert.equal(code, 0, stderr);
      const [count, means] = JSON.parse(stdout);
      assert.equal(count, expected.length);
      const watts = expected.flatMap(([, name, value]) => name === "W" ? Number(value) : []);
      const mean = watts.reduce((sum, value) => sum + value, 0) / watts.length;
      // A quarter of an hour may begin meanwhile.
      if (means.length === 1) assert.ok(Math.abs(means[0] - mean) < 1e-6, `${means[0]} ${mean}`);
      assert.ok(means.length > 0);
    });
  },
);

/** Delivers what a device said to Kafka and to files, and a gap: a row went bad meanwhile. */
async function fill(cwd: string, brokers: string): Promise<void> {
  await using devices = await simulate(["--models", "1,103,160:2"], { cwd });
  const polled = await run([
    ...["poll", devices.endpoints[0], "--buffer", "--count", "20", "--interval", "20ms"],
    ...["--set", "buffer.commit_interval_ms=0"],
  ], { cwd });
  assert.equal(polled.code, 0, polled.err);
  using database = new DatabaseSync(`${cwd}/sunspec-buffer.sqlite`);
  const changed = database.prepare(
    "UPDATE telemetry_queue SET payload = zeroblob(length(payload)) WHERE id = 7",
  ).run();
  assert.equal(changed.changes, 1);
  const outputs = ["--set", "collect.outputs=kafka,file", "--set", `kafka.brokers=${brokers}`];
  // Small containers, so that there are several.
  const drained = await run(["drain", ...outputs, "--set", "buffer.batch_size=5"], { cwd });
  assert.equal(drained.code, 0, drained.err);
}

/** Waits until a group of consumers has taken everything in the topic. */
async function takesAll(group: string, consumer: Program, brokers: string): Promise<void> {
  await asAdmin(
    brokers,
    (admin) =>
      eventually(`the group "${group}" has taken everything`, async () => {
        if (!consumer.isRunning) throw new Error(`It has ended: ${consumer.err}`);
        const [end] = await admin.fetchTopicOffsets(TOPIC);
        const [taken] = await admin.fetchOffsets({ groupId: group, topics: [TOPIC] });
        // The mark that ends the last transaction counts as well, and nobody takes it.
        return Number(taken?.partitions[0]?.offset) === Number(end?.high) - 1;
      }, () => consumer.err),
  );
}

function arrivals({ position, points }: Decoded): Arrived[] {
  return points.map(({ name, value, text, unit, quality }) => [
    ...[position, name ?? null, value ?? null, text ?? null, unit ?? null, quality ?? null],
  ]);
}

/** What the consumer's database holds. */
function stored(cwd: string): Arrived[] {
  const columns = ["position", "point", "value", "text", "unit", "quality"];
  return select(cwd, `SELECT ${columns} FROM value ORDER BY position, rowid`);
}

function gaps(cwd: string): Arrived[] {
  return select(cwd, "SELECT output, reason FROM gap");
}

function select(cwd: string, query: string): Arrived[] {
  try {
    using database = new DatabaseSync(`${cwd}/readings.sqlite`, { readOnly: true });
    const rows: readonly unknown[] = database.prepare(query).all();
    return rows.map((row) => Object.values(Object(row)));
  } catch {
    return []; // not made yet, or busy
  }
}
