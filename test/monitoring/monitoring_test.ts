import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { delay } from "../../lib/backoff.ts";
import { runOrThrow, startPrometheus } from "../../scripts/services.ts";
import { eventually, simulate, temporaryFolder } from "../program.ts";
import { serviceTest } from "../services.ts";
import { clockBehind, serveTextfiles, troubledGateway, wrongClockGateway } from "./site.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const HERE = new URL(".", import.meta.url).pathname;
const DOCS = new URL("../../docs/monitoring/", import.meta.url).pathname;
const RULES = `${DOCS}alerts.yaml`;

/** How far back 1970 is, about. */
const SINCE_1970_S = 1_790_000_000;

/** A panel of the dashboard, as far as it matters here. */
interface Panel {
  readonly id: number;
  readonly title: string;
  readonly type: string;
  readonly gridPos: {
    readonly x: number;
    readonly y: number;
    readonly w: number;
    readonly h: number;
  };
  readonly targets?: readonly { readonly expr: string }[];
}

const dashboard: { readonly panels: readonly Panel[] } = JSON.parse(
  await Deno.readTextFile(`${DOCS}dashboard.json`),
);

serviceTest("promtool finds no fault in the rules", ["promtool"], async ({ promtool }) => {
  assert.match(await runOrThrow(promtool, ["check", "rules", RULES]), /SUCCESS: 22 rules found/);
});

serviceTest(
  "each alert fires when it should, and not when all is well",
  ["promtool"],
  async ({ promtool }) => {
    const tests = `${HERE}alerts.test.yaml`;
    await runOrThrow(promtool, ["test", "rules", tests]);
    const text = await Deno.readTextFile(tests);
    for (const [, name] of (await Deno.readTextFile(RULES)).matchAll(/- alert: (\w+)/g)) {
      assert.match(text, new RegExp(`alertname="${name}"`), `${name} is tried`);
    }
  },
);

Deno.test("the panels of the dashboard have ids of their own, and do not overlap", () => {
  const taken = new Map<string, string>();
  for (const { title, gridPos: { x, y, w, h } } of dashboard.panels) {
    for (let column = x; column < x + w; column++) {
      for (let line = y; line < y + h; line++) {
        const cell = `${column},${line}`;
        assert.ok(column < 24 && !taken.has(cell), `${title} and ${taken.get(cell)} at ${cell}`);
        taken.set(cell, title);
      }
    }
  }
  assert.equal(new Set(dashboard.panels.map(({ id }) => id)).size, dashboard.panels.length);
});

/**
 * Alerts that no fault here makes fire, since that would take a broker that throws us out; what they
 * look at is there all the same, and `alerts.test.yaml` has them fire.
 */
const AT_THE_BROKER = ["SunspoolDeliveryDenied", "SunspoolFenced"];
/** Those that a gateway with a clock in 1970 raises, and no other. */
const OF_A_WRONG_CLOCK = ["SunspoolClockNotSynchronised", "SunspoolReadingsLate"];
/** Those that wait for what is done to a gateway in the end. */
const AT_THE_END = ["SunspoolAllDevicesDown", "SunspoolDown", "SunspoolRestarts"];

serviceTest(
  "every query of the alerts and of the dashboard finds its series at a real Prometheus",
  ["faketime", "openssl", "prometheus", "promtool"],
  async ({ faketime, prometheus: program, promtool }) => {
    using folder = temporaryFolder();
    const { path: cwd } = folder;
    const past = clockBehind(faketime, SINCE_1970_S);
    await using falling = await simulate([
      "--models",
      "1,103",
      "--fault",
      "counter=3",
      "--step-ms",
      "300",
    ], { cwd });
    await using sound = await simulate(["--models", "1,103"], { cwd });
    await using troubled = await troubledGateway(
      cwd,
      falling.endpoints[0],
      clockBehind(faketime, 3600),
    );
    await using wrongClock = await wrongClockGateway(cwd, sound.endpoints[0], past);
    await using runs = await serveTextfiles(cwd, sound.endpoints[0], past);
    await Promise.all([troubled.start(), wrongClock.start()]);
    await using prometheus = await startPrometheus({
      program,
      jobs: { sunspool: [troubled.instance, wrongClock.instance], node: [runs.instance] },
      ruleFiles: [RULES],
    });
    const found = async (expression: string) => (await prometheus.query(expression)).length > 0;

    // It gets no processor for a while, and then a configuration with a mistake.
    troubled.signal("SIGSTOP");
    await Deno.writeTextFile(`${cwd}/troubled.toml`, "colect = 1\n", { append: true });
    await delay(2000);
    troubled.signal("SIGCONT");
    troubled.signal("SIGHUP");

    const { groups } = await prometheus.api("rules");
    // deno-lint-ignore no-explicit-any
    const rules: { name: string; query: string }[] = groups.flatMap((group: any) => group.rules);
    assert.equal(rules.length, 22);
    const later = [...AT_THE_BROKER, ...AT_THE_END];
    for (const { name, query } of rules) {
      if (!later.includes(name)) await eventually(`${name} fires`, () => found(query));
      // What is compared and joined is there, whether or not it fires.
      for (const selector of selectorsOf(query)) {
        await eventually(`${name} finds ${selector}`, () => found(selector));
      }
    }
    const raisedAt = async (instance: string) => {
      const raised: string[] = [];
      for (const { name, query } of rules) {
        // The machine that runs the tests may well be late.
        if (name === "SunspoolOverloaded") continue;
        const series = await prometheus.query(query);
        if (series.some(({ metric }) => metric.instance === instance)) raised.push(name);
      }
      return raised.sort();
    };
    await eventually(
      "a gateway that is well but for its clock raises nothing else",
      async () => isDeepStrictEqual(await raisedAt(wrongClock.instance), OF_A_WRONG_CLOCK),
    );

    for (const { title, targets = [] } of dashboard.panels) {
      for (const { expr } of targets) {
        const query = expr.replaceAll("$instance", ".*").replaceAll("$__rate_interval", "1m");
        await eventually(`"${title}" has series`, () => found(query));
      }
    }
    const page = await troubled.metrics();
    assert.equal(await runOrThrow(promtool, ["check", "metrics"], { input: page }), "");

    const queryOf = (name: string) => rules.find((rule) => rule.name === name)?.query ?? "";
    for (let i = 0; i < 4; i++) {
      const before = await prometheus.query(startOf(wrongClock.instance));
      await wrongClock.kill();
      await wrongClock.start();
      await eventually("the restart is seen", async () => {
        const [now] = await prometheus.query(startOf(wrongClock.instance));
        return now !== undefined && now.value[1] !== before[0]?.value[1];
      });
    }
    await eventually("restarts are told", () => found(queryOf("SunspoolRestarts")));
    await sound.program.stop("SIGKILL");
    await eventually("no device answers", () => found(queryOf("SunspoolAllDevicesDown")));
    await wrongClock.kill();
    await eventually("it is down", () => found(queryOf("SunspoolDown")));
    // Every rule was also evaluated by the server itself.
    for (const { health, lastError } of (await prometheus.api("rules")).groups.flatMap(rulesOf)) {
      assert.deepEqual([health, lastError], ["ok", undefined]);
    }
  },
);

// deno-lint-ignore no-explicit-any
const rulesOf = (group: any): { health: string; lastError?: string }[] => group.rules;

const startOf = (instance: string) => `process_start_time_seconds{instance="${instance}"}`;

/** The metrics that a query names, each with its labels; conditions on results are left out. */
function selectorsOf(query: string): string[] {
  return query.match(/\b(sunspool|process|up)\w*(\{[^}]*\})?/g) ?? [];
}
