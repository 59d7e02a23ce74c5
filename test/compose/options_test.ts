import assert from "node:assert/strict";
import type { Format, Io } from "../../lib/cli/mod.ts";
import { defineCommand } from "../../lib/cli/define.ts";
import { configOf, configOptions, deviceFlags, formatOptions } from "../../lib/compose/options.ts";
import { type Config, settings } from "../../lib/config/mod.ts";
import { ConfigError, type UnitIds, UsageError } from "../../lib/core/mod.ts";
import { captureIo } from "../cli/captured_io.ts";
import { merge, object } from "../../lib/cli/word_groups.ts";
import { temporaryFolder } from "../program.ts";

interface Understood {
  readonly format: Format;
  readonly unit: UnitIds;
  readonly config: Config;
}

/** What a command with all the shared options makes of these words. */
async function understood(words: string, io: Io = captureIo()): Promise<Understood> {
  let seen: Understood | undefined;
  const command = defineCommand({
    name: "probe",
    summary: "Shows what it is told",
    description: "Shows what it is told.",
    examples: [],
    needs: {},
    parser: merge(object({ format: formatOptions }), deviceFlags, configOptions),
    run(options, io) {
      seen = { format: options.format, unit: options.unit, config: configOf(options, io) };
      return Promise.resolve();
    },
  });
  await command.run(words.split(" ").filter(Boolean), io);
  assert.ok(seen);
  return seen;
}

Deno.test("--json is --format json, and --format wins", async () => {
  for (
    const [words, want] of [
      ["", "table"],
      ["--json", "json"],
      ["--format json", "json"],
      ["--format=ndjson", "ndjson"],
      ["-f csv", "csv"],
      ["--format csv --json", "csv"],
    ] as const
  ) {
    assert.equal((await understood(words)).format, want, words);
  }
});

Deno.test("--unit takes ids, lists, ranges and auto; it is 1 when left out", async () => {
  for (
    const [words, want] of [
      ["", [1]],
      ["--unit 3", [3]],
      ["-u 1,3,126", [1, 3, 126]],
      ["--unit 1-3", [1, 2, 3]],
      ["--unit auto", "auto"],
    ] as const
  ) {
    assert.deepEqual((await understood(words)).unit, want, words);
  }
});

Deno.test("a flag overrides file, environment and --set, and config print can name it", async () => {
  using folder = temporaryFolder();
  const file = `${folder.path}/x.toml`;
  Deno.writeTextFileSync(file, '[log]\nlevel = "info"\n[modbus]\ntimeout_ms = 5\n');
  const io = captureIo({ env: { SUNSPEC_MODBUS_TIMEOUT_MS: "6", SUNSPEC_LOG_LEVEL: "error" } });
  const { config } = await understood(
    `-c ${file} --set modbus.timeout_ms=7 --timeout 2s --log-level debug --base-address 0 ` +
      "--max-registers 60 --models-dir models --set poller.jitter_ms=9",
    io,
  );
  for (
    const [setting, value, origin] of [
      [settings.modbus.timeoutMs, 2000, "--timeout"],
      [settings.log.level, "debug", "--log-level"],
      [settings.sunspec.baseAddress, 0, "--base-address"],
      [settings.modbus.maxBatchSize, 60, "--max-registers"],
      [settings.sunspec.modelsDir, "models", "--models-dir"],
      [settings.poller.jitterMs, 9, "--set"],
      [settings.discovery.port, 502, "default"],
    ] as const
  ) {
    assert.equal(config.get<unknown>(setting), value, setting.key);
    assert.equal(config.originOf(setting), origin);
  }
});

Deno.test("a flag that goes too far is told by its own name", async () => {
  await assert.rejects(understood("--timeout 7200s"), (error) => {
    assert.ok(error instanceof UsageError);
    assert.match(error.message, /^Cannot use --timeout "7200000": modbus\.timeout_ms must be/);
    return true;
  });
  await assert.rejects(understood("--config /nowhere/x.toml"), ConfigError);
});
