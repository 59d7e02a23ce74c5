import assert from "node:assert/strict";
import { allSettings, loadConfig, printedValues } from "../../lib/config/mod.ts";
import { temporaryFolder } from "../program.ts";
import { CONTRACT } from "./contract.ts";

Deno.test("every effective value is printed with where it comes from", () => {
  using folder = temporaryFolder();
  const file = `${folder.path}/sunspool.toml`;
  Deno.writeTextFileSync(
    file,
    [
      "[poller]",
      "jitter_ms = 5",
      "[discovery]",
      'subnet = ["192.0.2.0/24",',
      '  "192.0.3.0/24"]',
      "[[devices]]",
      'endpoint = "192.0.2.7"',
      "[buffer]",
      'max_bytes = "2 GiB"',
    ].join("\n"),
  );
  const env: Readonly<Record<string, string>> = { SUNSPEC_PORT: "1502", SUNSPEC_MODELS_DIR: "m" };
  const values = printedValues(loadConfig({
    file,
    overrides: ["modbus.retry_count=7"],
    flags: [{ flag: "--log-level", key: "log.level", value: "debug" }],
    env: (name) => env[name],
  }));
  assert.deepEqual(values.map(({ key }) => key), allSettings.map(({ key }) => key));
  const place = (line: number) => `"${file}" line ${line}`;
  for (
    const [key, value, origin] of [
      ["poller.jitter_ms", "5", place(2)],
      ["discovery.subnet", '["192.0.2.0/24","192.0.3.0/24"]', place(4)],
      ["devices", '[{"endpoint":"192.0.2.7"}]', place(6)],
      ["buffer.max_bytes", "2 GiB", place(9)],
      ["discovery.port", "1502", "SUNSPEC_PORT"],
      ["sunspec.models_dir", "m", "SUNSPEC_MODELS_DIR"],
      ["modbus.retry_count", "7", "--set"],
      ["log.level", "debug", "--log-level"],
      ["poller.poll_interval_ms", "1000", "default"],
      ["sunspec.base_address", "auto", "default"],
      ["buffer.min_free_bytes", "64 MiB", "default"],
      ["kafka.brokers", "none", "default"],
    ] as const
  ) {
    const printed = values.find((value) => value.key === key);
    assert.deepEqual([printed?.value, printed?.origin], [value, origin], key);
  }
  for (const [key, env] of CONTRACT) {
    assert.equal(values.find((value) => value.key === key)?.env, env);
  }
});

Deno.test("secrets are hidden, and that they are given is not", () => {
  const secrets = allSettings.filter(({ isSecret }) => isSecret);
  const env = Object.fromEntries(secrets.map(({ env }) => [env, "hunter2"]));
  const printed = printedValues(
    loadConfig({ file: undefined, overrides: [], env: (name) => env[name] }),
  );
  assert.doesNotMatch(JSON.stringify(printed), /hunter2/);
  for (const { key, env } of secrets) {
    const value = printed.find((value) => value.key === key);
    assert.deepEqual([value?.value, value?.origin], ["(hidden)", env]);
  }
  const without = printedValues(loadConfig({ file: undefined, overrides: [], env: () => "" }));
  assert.equal(without.find(({ key }) => key === secrets[0]?.key)?.value, "none");
});
