import assert from "node:assert/strict";
import { Kafka as KafkaJS, logLevel, type SASLOptions } from "kafkajs";
import { delay } from "../../lib/backoff.ts";
import {
  type Kafka,
  KAFKA_USERS,
  run,
  runOrThrow,
  startKafka,
  type Tools,
} from "../../scripts/services.ts";
import { serviceTest, testDefinition } from "../services.ts";

interface Login {
  readonly username: string;
  readonly password: string;
}

/** kcat's words for the listener with TLS and login. */
function loginWords(kafka: Kafka, { username, password }: Login): string[] {
  const properties = {
    "security.protocol": "SASL_SSL",
    "sasl.mechanism": "PLAIN",
    "sasl.username": username,
    "sasl.password": password,
    "ssl.ca.location": kafka.caFile,
  };
  const words = Object.entries(properties).flatMap(([key, value]) => ["-X", `${key}=${value}`]);
  return ["-b", kafka.saslBrokers, ...words];
}

/** librdkafka before 2.6.1 (so Debian 12's kcat) sends a wrong nonce, which Kafka 4 refuses. */
async function sendByKafkaJS(kafka: Kafka, sasl: SASLOptions, topic: string): Promise<void> {
  const client = new KafkaJS({
    brokers: [kafka.saslBrokers],
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 10, retries: 5 },
    ssl: { ca: [await Deno.readTextFile(kafka.caFile)] },
    sasl,
  });
  const producer = client.producer();
  await using _connection = { [Symbol.asyncDispose]: () => producer.disconnect() };
  await producer.connect();
  await producer.send({ topic, messages: [{ value: "let in" }] });
}

function consume(kcat: string, broker: readonly string[], topic: string): Promise<string> {
  return runOrThrow(kcat, [...broker, "-C", "-t", topic, "-o", "beginning", "-e", "-q"]);
}

serviceTest(
  "a broker keeps what kcat produces, also over kill and restart",
  ["kafka", "kcat"],
  async ({ kcat }) => {
    await using kafka = await startKafka();
    const plain = ["-b", kafka.brokers];
    await runOrThrow(kcat, [...plain, "-P", "-t", "readings"], { input: "first\nsecond\n" });
    assert.equal(await consume(kcat, plain, "readings"), "first\nsecond\n");

    await kafka.kill();
    assert.notEqual((await run(kcat, [...plain, "-L", "-m", "1"])).code, 0);
    await kafka.restart();
    await runOrThrow(kcat, [...plain, "-P", "-t", "readings"], { input: "third\n" });
    assert.equal(await consume(kcat, plain, "readings"), "first\nsecond\nthird\n");
  },
);

serviceTest(
  "each mechanism lets its users in and no one else",
  ["kafka", "kcat"],
  async ({ kcat }) => {
    await using kafka = await startKafka();
    for (const mechanism of ["plain", "scram-sha-256", "scram-sha-512"] as const) {
      // kafkajs writes into the object it is given and there keeps the first password.
      const sasl = { ...KAFKA_USERS.admin, mechanism };
      const wrong = { ...sasl, password: "guessed" };
      await sendByKafkaJS(kafka, sasl, mechanism);
      assert.equal(await consume(kcat, ["-b", kafka.brokers], mechanism), "let in\n");
      await assert.rejects(sendByKafkaJS(kafka, wrong, mechanism), /authentication failed/i);
    }
  },
);

serviceTest("users may do what they are granted", ["kafka", "kcat"], async ({ kcat }) => {
  await using kafka = await startKafka();
  const { admin, collector, nobody } = KAFKA_USERS;
  const write = (login: Login) =>
    runOrThrow(kcat, [...loginWords(kafka, login), "-P", "-t", "readings"], { input: "record\n" });

  await write(admin);
  await assert.rejects(write({ ...admin, password: "guessed" }), /authentication failed/i);
  await assert.rejects(write(nobody), /authorization failed/i);
  await assert.rejects(write(collector), /authorization failed/i);

  const grant = ["--add", "--allow-principal", `User:${collector.username}`, "--topic", "readings"];
  await kafka.admin("acls", ...grant, "--operation", "Write");
  await write(collector);
  await assert.rejects(
    consume(kcat, loginWords(kafka, collector), "readings"),
    /authorization failed/i,
  );
  assert.equal(await consume(kcat, loginWords(kafka, admin), "readings"), "record\nrecord\n");
});

serviceTest(
  "a frozen broker answers nothing until it thaws, and stops even so",
  ["kafka", "kcat"],
  async ({ kcat }) => {
    await using kafka = await startKafka({ properties: { "num.partitions": "3" } });
    const list = () => run(kcat, ["-b", kafka.brokers, "-L", "-m", "1"]);
    kafka.freeze();
    assert.notEqual((await list()).code, 0);
    kafka.thaw();
    const limit = AbortSignal.timeout(20_000);
    while ((await list()).code !== 0) await delay(50, limit);

    await runOrThrow(kcat, ["-b", kafka.brokers, "-P", "-t", "wide"], { input: "record\n" });
    assert.match(await kafka.admin("topics", "--describe", "--topic", "wide"), /PartitionCount: 3/);
    kafka.freeze();
    await kafka.stop();
    await assert.rejects(Deno.stat(kafka.logFile), Deno.errors.NotFound);
  },
);

serviceTest("Python has the packages that tests compare with", ["python"], async ({ python }) => {
  const program = "import cramjam, fastavro, pymodbus, sunspec2; print(pymodbus.__version__)";
  assert.equal(await runOrThrow(python, ["-c", program]), "3.16.1\n");
});

Deno.test("a test whose tool is missing is skipped with the reason, and fails in CI", async (t) => {
  const kafka = { missing: "no Java", enable: "get java" };
  const tools: Tools = {
    busybox: FOUND,
    qemu: FOUND,
    cc: FOUND,
    debian: FOUND,
    faketime: FOUND,
    kafka,
    kcat: FOUND,
    mbpoll: FOUND,
    openssl: FOUND,
    prometheus: FOUND,
    promtool: FOUND,
    python: FOUND,
    socat: FOUND,
    "systemd-analyze": FOUND,
  };
  const body = ({ kcat }: { readonly kcat: string }) => Promise.reject(new Error(kcat));
  const asked = { name: "sends", needs: ["kcat", "kafka"], body } as const;

  const skipped = testDefinition(asked, { tools, isCI: false });
  assert.deepEqual([skipped.name, skipped.ignore], ["sends (no Java, try get java)", true]);

  const failing = testDefinition(asked, { tools, isCI: true });
  assert.deepEqual([failing.name, failing.ignore], ["sends", undefined]);
  await assert.rejects(
    async () => await failing.fn(t),
    /^Error: Cannot test "sends": no Java, try/,
  );

  const whole = testDefinition({ ...asked, needs: ["kcat"] }, { tools, isCI: false });
  assert.equal(whole.name, "sends");
  await assert.rejects(async () => await whole.fn(t), /^Error: \/bin\/kcat$/);
});

Deno.test("setup on a machine that has nothing goes through and says what would help", async () => {
  const SUNSPOOL_CACHE = await Deno.makeTempDir();
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", new URL("../../scripts/services.ts", import.meta.url).pathname, "setup"],
    env: { PATH: SUNSPOOL_CACHE, SUNSPOOL_CACHE },
    stderr: "null",
  }).output();
  await Deno.remove(SUNSPOOL_CACHE, { recursive: true });

  assert.equal(code, 0);
  const said = new TextDecoder().decode(stdout);
  for (
    const package_ of ["openjdk-17-jre-headless", "kcat", "mbpoll", "python3-venv"]
  ) {
    assert.match(said, new RegExp(`missing: .*; try: sudo apt-get install -y .*${package_}`));
  }
});

const FOUND = { path: "/bin/kcat" };
