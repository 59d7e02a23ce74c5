import assert from "node:assert/strict";
import { kafkaClass } from "../../scripts/services/kafka_jars.ts";
import { propertiesText } from "../../scripts/services/kafka_properties.ts";
import { runOrThrow } from "../../scripts/services.ts";
import { temporaryFolder } from "../program.ts";
import { serviceTest } from "../services.ts";
import { composeFile, FOLDER, type Service, yamlOf } from "./compose.ts";

/** What the compose specification knows and we use: a word that is not here may be a slip. */
const SERVICE_KEYS = [
  ...["image", "build", "command", "environment", "env_file", "volumes", "network_mode", "ports"],
  ...["read_only", "cap_drop", "security_opt", "restart", "stop_grace_period", "healthcheck"],
];

serviceTest(
  "what the compose file names is there, and nothing in it is misspelt",
  ["python", "promtool"],
  async ({ python, promtool }) => {
    const { services, volumes, ...rest } = await composeFile(python);
    assert.deepEqual(rest, { name: "sunspool" });
    for (const [name, service] of Object.entries(services)) {
      assert.deepEqual(Object.keys(service).filter((key) => !SERVICE_KEYS.includes(key)), [], name);
      await assertWhole(service, Object.keys(services), Object.keys(volumes));
    }
    await runOrThrow(promtool, ["check", "config", `${FOLDER}prometheus.yml`]);
    const scraped = await yamlOf(python, await Deno.readTextFile(`${FOLDER}prometheus.yml`));
    assert.deepEqual(scraped.scrape_configs[0].static_configs, [{ targets: ["127.0.0.1:9090"] }]);
    assert.equal(services.prometheus?.network_mode, "service:sunspool");
  },
);

async function assertWhole(
  { build, env_file, volumes = [], network_mode }: Service,
  services: readonly string[],
  named: readonly string[],
): Promise<void> {
  const files = volumes.map((volume) => volume.split(":")[0] ?? "");
  for (const place of files.filter((file) => !file.startsWith("."))) {
    assert.ok(named.includes(place), place);
  }
  for (const file of [...files.filter((file) => file.startsWith(".")), env_file ?? "."]) {
    await Deno.stat(FOLDER + file);
  }
  if (network_mode) assert.ok(services.includes(network_mode.replace("service:", "")));
  if (build === undefined) return;
  const dockerfile = new URL(`${build.context}/${build.dockerfile}`, `file://${FOLDER}`);
  assert.equal(dockerfile.pathname, `${FOLDER}Dockerfile`);
}

serviceTest(
  "Kafka knows every setting that the compose file gives it, and begins its data with them",
  ["kafka", "python"],
  async ({ python }) => {
    const { services } = await composeFile(python);
    // The image makes settings of its variables in this way.
    const settings = Object.entries(services.kafka?.environment ?? {}).map(([name, value]) =>
      [name.replace(/^KAFKA_/, "").toLowerCase().replaceAll("_", "."), value] as const
    );
    const known = await runOrThrow("java", kafkaClass("kafka.server.KafkaConfig"));
    assert.deepEqual(settings.filter(([name]) => !known.includes(` id="${name}"`)), []);

    using folder = temporaryFolder();
    const file = `${folder.path}/server.properties`;
    const ours = { "log.dirs": `${folder.path}/data` };
    await Deno.writeTextFile(file, propertiesText({ ...Object.fromEntries(settings), ...ours }));
    const format = ["format", "--cluster-id", "c3Vuc3Bvb2wtdGVzdHMwMQ", "--config", file];
    await runOrThrow("java", [...kafkaClass("kafka.tools.StorageTool"), ...format]);
    await Deno.stat(`${folder.path}/data/meta.properties`);
  },
);
