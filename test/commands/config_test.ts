import assert from "node:assert/strict";
import { run, temporaryFolder } from "../program.ts";
import { CONTRACT, FULL_TOML } from "../config/contract.ts";

Deno.test("config", async (t) => {
  using folder = temporaryFolder();
  const here = { cwd: folder.path };
  await Deno.writeTextFile(`${folder.path}/full.toml`, FULL_TOML);
  await Deno.mkdir(`${folder.path}/models`);

  await t.step("check says ok, with or without a file", async () => {
    assert.deepEqual(await run(["config", "check"], here), {
      code: 0,
      out: "no file, defaults and environment: ok\n",
      err: "",
    });
    for (const name of ["ca.pem", "us.crt", "us.key", "own.pem", "own.key", "password", "token"]) {
      await Deno.writeTextFile(`${folder.path}/${name}`, "");
    }
    assert.deepEqual(await run(["config", "check", "--config", "full.toml"], here), {
      code: 0,
      out: "full.toml: ok\n",
      err: "",
    });
  });

  await t.step("check warns of files that are not there", async () => {
    const env = { SUNSPEC_MODBUS_TLS_CA_FILE: "absent.pem", SUNSPEC_METRICS_TOKEN_FILE: "token" };
    assert.deepEqual(await run(["config", "check"], { ...here, env }), {
      code: 0,
      out: "no file, defaults and environment: ok\n",
      err:
        'warning: SUNSPEC_MODBUS_TLS_CA_FILE: modbus.tls.ca_file: there is no file "absent.pem" here\n',
    });
  });

  await t.step("check tells every fault with file, line and key, exit code 78", async () => {
    await Deno.writeTextFile(
      `${folder.path}/bad.toml`,
      '[poller]\npoll_interval = 5\njitter_ms = -1\n[kafka]\ntopic = "a b"\n',
    );
    const { code, out, err } = await run(["config", "check", "-c", "bad.toml"], here);
    assert.deepEqual([code, out], [78, ""]);
    assert.deepEqual(err.trimEnd().split("\n"), [
      'error: "bad.toml" line 2: poller.poll_interval: unknown key, did you mean poller.poll_interval_ms?',
      '"bad.toml" line 3: poller.jitter_ms = -1: must be a whole number within 0–86400000',
      '"bad.toml" line 5: kafka.topic = "a b": must be 1–249 of the characters A–Z a–z 0–9 . _ - and not . or ..',
    ]);
  });

  await t.step("check warns of what is weaker than it may seem", async () => {
    const env = { SUNSPEC_KAFKA_BROKERS: "127.0.0.1:9", SUNSPEC_KAFKA_ACKS: "1" };
    const { code, err } = await run(["config", "check"], { ...here, env });
    assert.equal(code, 0);
    assert.equal(
      err,
      'warning: SUNSPEC_KAFKA_ACKS: kafka.acks: selects kafka.delivery = "at_least_once": a reading ' +
        "may arrive twice; give kafka.delivery to confirm it\n",
    );
  });

  await t.step("check warns of a listener that nobody may be let in to", async () => {
    const args = ["config", "check", "--set", "metrics.address=0.0.0.0"];
    const open = await run(args, here);
    assert.equal(open.code, 0);
    assert.match(open.err, /^warning: --set: metrics\.address: without metrics\.token_file.*\n$/);
    const env = { SUNSPEC_METRICS_TOKEN: "t" };
    assert.equal((await run(args, { ...here, env })).err, "");
  });

  await t.step("print shows every key with value and origin, secrets hidden", async () => {
    const env = {
      SUNSPEC_CONFIG: "full.toml",
      SUNSPEC_POLL_INTERVAL_MS: "77",
      SUNSPEC_METRICS_TOKEN: "hunter2",
      SUNSPEC_KAFKA_SASL_PASSWORD: "hunter2",
    };
    const args = ["config", "print", "--set", "poller.jitter_ms=9", "--log-level", "debug"];
    const { code, out, err } = await run([...args, "--json"], { ...here, env });
    assert.deepEqual([code, err], [0, ""]);
    assert.doesNotMatch(out, /hunter2/);
    const values = new Map<string, { value: string; origin: string }>(
      JSON.parse(out).map((entry: { key: string }) => [entry.key, entry]),
    );
    for (const [key] of CONTRACT) assert.ok(values.has(key), key);
    for (
      const [key, value, origin] of [
        ["poller.poll_interval_ms", "77", "SUNSPEC_POLL_INTERVAL_MS"],
        ["poller.jitter_ms", "9", "--set"],
        ["log.level", "debug", "--log-level"],
        ["modbus.retry_count", "1", '"full.toml" line 21'],
        ["metrics.token", "(hidden)", "SUNSPEC_METRICS_TOKEN"],
        ["kafka.sasl.password", "(hidden)", "SUNSPEC_KAFKA_SASL_PASSWORD"],
      ] as const
    ) {
      assert.deepEqual([values.get(key)?.value, values.get(key)?.origin], [value, origin]);
    }
    const table = await run(args, { ...here, env });
    assert.match(table.out, /^KEY +VALUE +ORIGIN +ENV$/m);
    assert.doesNotMatch(table.out, /hunter2/);
  });

  await t.step("schema is JSON Schema, whatever the configuration is like", async () => {
    const { code, out, err } = await run(["config", "schema", "-c", "bad.toml"], here);
    assert.deepEqual([code, err], [0, ""]);
    const schema = JSON.parse(out);
    assert.equal(schema.$schema, "https://json-schema.org/draft/2020-12/schema");
    assert.equal(schema.properties.kafka.properties.tls.properties.enabled.type, "boolean");
  });
});
