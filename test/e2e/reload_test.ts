import assert from "node:assert/strict";
import { startKafka } from "../../scripts/services.ts";
import { eventually, simulate, start, temporaryFolder } from "../program.ts";
import { serviceTest } from "../services.ts";
import { readTopic } from "./read_topic.ts";

const RELOADS = 8;
const TOPICS = ["plant.before", "plant.after"] as const;

serviceTest(
  "reloads that change the Kafka output, at last its topic, lose nothing and double nothing",
  ["kafka", "kcat", "python"],
  async (tools) => {
    using folder = temporaryFolder();
    const cwd = folder.path;
    await using kafka = await startKafka();
    await using devices = await simulate(["--device", "1,103/1-4", "--device", "1,160:3"], { cwd });
    const write = async (n: number) => {
      const config = [
        `collector.id = "roof"`,
        "[collect]\ndrain_deadline_ms = 30000",
        "[poller]\npoll_interval_ms = 20",
        "[metrics]\nport = 0",
        `[buffer]\ncommit_interval_ms = 10\nbatch_size = ${10 + n}`,
        `[kafka]\nbrokers = ["${kafka.brokers}"]\ntopic = "${TOPICS[n < RELOADS ? 0 : 1]}"`,
        `compression = "${n % 2 === 0 ? "gzip" : "zstd"}"`,
        `[[devices]]\nendpoint = "${devices.endpoints[0]}"\nunit_ids = "1-${2 + n % 3}"`,
        `[[devices]]\nendpoint = "${devices.endpoints[1]}"`,
      ];
      await Deno.writeTextFile(`${cwd}/site.toml`, config.join("\n"));
    };
    await write(0);
    await using collect = start(["collect", "--config", "site.toml", "--log-level", "debug"], {
      cwd,
    });
    await collect.told(/"output is ready"/);
    for (let n = 1; n <= RELOADS; n++) {
      await write(n);
      collect.kill("SIGHUP");
      await collect.told(/the configuration is read anew/, n);
      await collect.told(/"output is ready"/, n + 1);
    }
    const [, place] = await collect.told(/"metrics are served","address":"([^"]+)"/);
    const delivered = async () => {
      const text = await (await fetch(`http://${place}/metrics`)).text();
      return Number(/_readings_total\{output="kafka",result="delivered"\} (\d+)/.exec(text)?.[1]);
    };
    const before = await delivered();
    await eventually("it delivers on", async () => await delivered() > before);
    const { code, err } = await collect.stop();
    assert.equal(code, 0, err);
    const [, readings] = /stopped: devices \d+, readings (\d+), kafka delivered \d+, left 0/
      .exec(err) ?? [];
    const topics = await Promise.all(TOPICS.map((topic) => readTopic(kafka.brokers, topic, tools)));
    assert.ok(topics.every((records) => records.length > 0));
    const positions = topics.flat().map((record) => Object(record).position);
    assert.deepEqual(positions, Array.from({ length: Number(readings) }, (_, i) => i + 1));
  },
);
