import { outputs } from "../../lib/outputs/mod.ts";
import type { Kafka as Broker } from "../../scripts/services.ts";
import { serviceTest } from "../services.ts";
import { createTopic, passMinutes, startWarmKafka, takeOver } from "./broker.ts";
import { readContainer, readTopic } from "./kcat.ts";
import { lookup } from "./lookup.ts";
import { type Destination, type Harness, testOutput } from "./output_contract.ts";

Deno.test.sanitizer({ ops: true, resources: true });

/** How each output is tested; one without an entry fails. */
const HARNESSES: Readonly<Record<string, Harness>> = {
  file: {
    test(name, body) {
      Deno.test(name, (t) => body(newFolder, t));
    },
  },
  kafka: {
    test(name, body) {
      serviceTest(name, ["kafka", "kcat"], async ({ kcat }, t) => {
        await using broker = await startWarmKafka();
        let topics = 0;
        await body(() => newTopic(broker, kcat, `readings-${++topics}`), t);
      });
    },
  },
};

for (const type of outputs) {
  const harness = HARNESSES[type.name];
  if (harness) testOutput(type, harness);
  else {
    Deno.test(`the output ${type.name} keeps the contract of outputs`, () => {
      throw new Error(`Cannot test "${type.name}": it has no entry in HARNESSES`);
    });
  }
}

async function newFolder(): Promise<Destination> {
  const folder = await Deno.makeTempDir({ prefix: "sunspool-readings-" });
  return {
    get: lookup({ "file.directory": folder }),
    topic: "readings",
    tooLarge: undefined,
    async read() {
      const names = [...Deno.readDirSync(folder)].map(({ name }) => name)
        .filter((name) => name.endsWith(".avro"));
      const files = await Promise.all(names.map((name) => Deno.readFile(`${folder}/${name}`)));
      return files.flatMap(readContainer).sort((a, b) =>
        a.epoch - b.epoch || a.position - b.position
      );
    },
    // Where its next file would begin there is one already.
    sabotage: ({ collector, epoch, position }) =>
      Deno.writeTextFile(`${folder}/${collector}-${epoch}-${position}.avro.partial`, ""),
    mend: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

async function newTopic(broker: Broker, kcat: string, topic: string): Promise<Destination> {
  await createTopic(broker.brokers, topic, { "max.message.bytes": "20000" });
  return {
    get: lookup({ "kafka.brokers": [broker.brokers], "kafka.topic": topic }),
    topic,
    tooLarge: 40_000,
    async read() {
      const records = await readTopic(kcat, broker.brokers, topic);
      return records.flatMap(({ value }) => readContainer(value));
    },
    sabotage: ({ collector }) => takeOver(broker.brokers, collector),
    mend: passMinutes,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
