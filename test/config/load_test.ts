import assert from "node:assert/strict";
import { parse as parseToml } from "smol-toml";
import {
  allSettings,
  type Config,
  type ConfigSources,
  loadConfig,
  settings,
  warningsOf,
} from "../../lib/config/mod.ts";
import { ConfigError, UsageError } from "../../lib/core/mod.ts";
import { temporaryFolder } from "../program.ts";
import { VERSION } from "../../lib/version.ts";
import { CONTRACT, FULL_TOML } from "./contract.ts";

type Variables = Readonly<Record<string, string>>;

function load(
  sources: Partial<Omit<ConfigSources, "env">> & { readonly env?: Variables } = {},
): Config {
  const { file, overrides = [], flags = [], env = {} } = sources;
  return loadConfig({
    file,
    overrides,
    flags,
    env: (name) => env[name],
    envNames: Object.keys(env),
  });
}

/** Loads a file with this text. */
function loadText(text: string, name = "sunspool.toml", env: Variables = {}): Config {
  using folder = temporaryFolder();
  const file = `${folder.path}/${name}`;
  Deno.writeTextFileSync(file, text);
  return load({ file, env });
}

/** The lines of the refusal, the file's folder left out. */
function faultsOf(job: () => unknown): string[] {
  try {
    job();
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.message.replaceAll(/"\/[^"]*\/([^/"]+)"/g, '"$1"').split("\n");
  }
  return [];
}

function valueOf(config: Config, key: string): unknown {
  const setting = allSettings.find((setting) => setting.key === key);
  assert.ok(setting, `there is no ${key}`);
  return config.get(setting);
}

Deno.test("every key of the contract has its environment variable and its default", () => {
  const config = load();
  for (const [key, env, fallback] of CONTRACT) {
    const setting = allSettings.find((setting) => setting.key === key);
    assert.equal(setting?.env, env, key);
    assert.deepEqual(valueOf(config, key), fallback, key);
  }
});

Deno.test("no two keys share a name or a variable", () => {
  for (const  of of["key", "env"] as const) {
    const names = allSettings.map((setting) => setting[of]);
    assert.equal(new Set(names).size, names.length);
  }
});

Deno.test("a file that gives every key is taken, TOML or JSON", () => {
  const json = JSON.stringify(parseToml(FULL_TOML));
  for (
    const config of [
      loadText(FULL_TOML),
      loadText(json, "x.json"),
      loadText(json, "x.conf"),
      loadText(`\ufeff${FULL_TOML.replaceAll("\n", "\r\n")}`),
      loadText(`\ufeff${json}\r\n`, "x.json"),
    ]
  ) {
    for (const setting of allSettings) {
      if (!setting.isSecret) assert.notEqual(config.originOf(setting), "default", setting.key);
    }
    assert.deepEqual(config.get(settings.discovery.unitIds), [1, 126]);
    assert.equal(config.get(settings.buffer.maxBytes), 2_147_483_648);
    assert.deepEqual(config.outputs().map(({ name }) => name), ["kafka", "file"]);
    assert.deepEqual(
      config.get(settings.devices).map(({ endpoint, unitIds }) => [endpoint, unitIds]),
      [
        [{ scheme: "tcp", host: "192.0.2.7", port: 1502 }, [1, 2, 3, 126]],
        [{ scheme: "tcp", host: "2001:db8::7", port: 502 }, [2]],
        [{ scheme: "tcp", host: "192.0.2.8", port: 502 }, [4, 5]],
      ],
    );
    const [{ endpoint: _, unitIds: __, ...rest } = assert.fail()] = config.get(settings.devices);
    assert.deepEqual(rest, {
      name: "roof",
      baseAddress: 50_000,
      pollIntervalMs: 250,
      timeoutMs: 900,
      maxRegisters: 60,
      models: [103, 160],
      session: "release",
      connectDelayMs: 700,
      interReadDelayMs: 80,
    });
  }
});

Deno.test("every key can be given in the environment", () => {
  const values: Variables = {
    SUNSPEC_COLLECTOR_ID: "roof.1",
    SUNSPEC_OUTPUTS: "file",
    SUNSPEC_COLLECT_SHARD: "1/1",
    SUNSPEC_STATIC_DEVICES: "192.0.2.7:126",
    SUNSPEC_SUBNET: "192.0.2.0/24, meter.local",
    SUNSPEC_DISCOVERY_UNIT_IDS: "auto",
    SUNSPEC_MODBUS_SESSION: "release",
    SUNSPEC_MODBUS_CONNECT_DELAY_MS: "6",
    SUNSPEC_BASE_ADDRESS: "50000",
    SUNSPEC_MODELS_DIR: "models",
    SUNSPEC_BUFFER_PATH: "x.sqlite",
    SUNSPEC_BUFFER_SYNCHRONOUS: "normal",
    SUNSPEC_BUFFER_MAX_BYTES: "2 GiB",
    SUNSPEC_BUFFER_WHEN_FULL: "block",
    SUNSPEC_BUFFER_ISOLATE: "false",
    SUNSPEC_KAFKA_BROKERS: "a:9092,b:9092",
    SUNSPEC_KAFKA_TOPIC: "t",
    SUNSPEC_KAFKA_CLIENT_ID: "c",
    SUNSPEC_KAFKA_ACKS: "1",
    SUNSPEC_KAFKA_COMPRESSION: "none",
    SUNSPEC_KAFKA_IDEMPOTENCE: "false",
    SUNSPEC_KAFKA_DELIVERY: "at_least_once",
    SUNSPEC_KAFKA_AVRO_CODEC: "deflate",
    SUNSPEC_FILE_DIRECTORY: "x",
    SUNSPEC_FILE_ROLL_BYTES: "2048",
    SUNSPEC_METRICS_ADDRESS: "::1",
    SUNSPEC_METRICS_TOKEN_FILE: "token",
    SUNSPEC_LOG_LEVEL: "error",
    SUNSPEC_LOG_FORMAT: "text",
  };
  // All others are numbers.
  const env = Object.fromEntries(
    CONTRACT.map(([, name]) => [name, values[name] ?? (name.endsWith("_COUNT") ? "99" : "120")]),
  );
  const config = load({ env });
  for (const [key, name, fallback] of CONTRACT) {
    const setting = allSettings.find((setting) => setting.key === key);
    // A shard changes what was given.
    assert.equal(setting && config.originOf(setting).replace(/, for shard .*/, ""), name);
    assert.notDeepEqual(valueOf(config, key), fallback, key);
  }
});

Deno.test("the environment overrides the file, --set the environment, a flag all of them", () => {
  using folder = temporaryFolder();
  const file = `${folder.path}/sunspool.toml`;
  Deno.writeTextFileSync(file, "[modbus]\ntimeout_ms = 1\n");
  const { timeoutMs } = settings.modbus;
  const env = { SUNSPEC_MODBUS_TIMEOUT_MS: "2" };
  const overrides = ["modbus.timeout_ms=9", "modbus.timeout_ms=3"];
  const flags = [{ flag: "--timeout", key: "modbus.timeout_ms", value: "4" }];
  for (
    const [sources, value, origin] of [
      [{}, undefined, "default"],
      [{ file }, 1, `"${file}" line 2`],
      [{ file, env }, 2, "SUNSPEC_MODBUS_TIMEOUT_MS"],
      [{ file, env, overrides }, 3, "--set"],
      [{ file, env, overrides, flags }, 4, "--timeout"],
    ] as const
  ) {
    const config = load(sources);
    assert.equal(config.get(timeoutMs), value);
    assert.equal(config.originOf(timeoutMs), origin);
  }
});

Deno.test("an empty variable is as good as none", () => {
  assert.equal(load({ env: { SUNSPEC_PORT: "" } }).get(settings.discovery.port), 502);
});

Deno.test("every kind of bad value is refused with file, line and key, all at once", () => {
  const text = `[poller]
poll_interval_ms = 9
jitter_ms = "5"
request_timeout_ms = 1.5
pol_interval_ms = 5
[pollr]
x = 1
[discovery]
subnet = ["10.0.0.0/33", "192.0.2.0/24", "10.0.0.5-1", 5]
port = 70000
unit_ids = [300]
max_concurrency = true
[buffer]
max_bytes = "1 XB"
max_age_s = 59
synchronous = "off"
isolate = "yes"
path = ""
batch_size = [1]
[kafka]
brokers = ["a", "b:9092", "c:x", "d:99999", "e:0"]
topic = ".."
acks = 2
enable_idempotence = "no"
compression = { a = 1 }
tls = 5
[sunspec]
base_address = 65534
[log]
level = ["debug"]
[metrics]
port = -1
token = "hunter2"
[collector]
id = "two words"
[collect]
outputs = ["file", "mqtt"]
`;
  const forms =
    "write 192.0.2.0/24, 192.0.2.10-20, 192.0.2.10-192.0.3.5, an address or a host name";
  const broker = "must be host:port";
  assert.deepEqual(
    faultsOf(() => loadText(text)).toSorted(),
    [
      '"sunspool.toml" line 2: poller.poll_interval_ms = 9: must be a whole number within 10–86400000',
      '"sunspool.toml" line 3: poller.jitter_ms = "5": must be a whole number within 0–86400000',
      '"sunspool.toml" line 4: poller.request_timeout_ms = 1.5: must be a whole number within 1–3600000',
      '"sunspool.toml" line 5: poller.pol_interval_ms: unknown key, did you mean poller.poll_interval_ms?',
      '"sunspool.toml" line 6: pollr: unknown key, did you mean poller?',
      `"sunspool.toml" line 9: discovery.subnet.0: Cannot use addresses "10.0.0.0/33": the prefix length is not within 0–32; ${forms}`,
      `"sunspool.toml" line 9: discovery.subnet.2: Cannot use addresses "10.0.0.5-1": it ends before it begins; ${forms}`,
      '"sunspool.toml" line 9: discovery.subnet.3: "5" must be an address block',
      '"sunspool.toml" line 10: discovery.port = 70000: must be a whole number within 1–65535',
      '"sunspool.toml" line 11: discovery.unit_ids = [300]: Cannot use unit ids "300": write 1, 1,3,126, 1-10 or auto, each within 0–255',
      '"sunspool.toml" line 12: discovery.max_concurrency = true: must be a whole number within 1–1024',
      '"sunspool.toml" line 14: buffer.max_bytes = "1 XB": must be a number of bytes of at least 1048576, as 1073741824 or "1 GiB"',
      '"sunspool.toml" line 15: buffer.max_age_s = 59: must be a whole number within 60–315360000',
      '"sunspool.toml" line 16: buffer.synchronous = "off": must be one of full, normal',
      '"sunspool.toml" line 17: buffer.isolate = "yes": must be one of auto, true, false',
      '"sunspool.toml" line 18: buffer.path = "": must be a text',
      '"sunspool.toml" line 19: buffer.batch_size = [1]: must be a whole number within 1–100000',
      `"sunspool.toml" line 21: kafka.brokers.0: "a" ${broker}`,
      `"sunspool.toml" line 21: kafka.brokers.2: "c:x" ${broker}`,
      '"sunspool.toml" line 21: kafka.brokers.3: "d:99999" has no port within 1–65535',
      '"sunspool.toml" line 21: kafka.brokers.4: "e:0" has no port within 1–65535',
      '"sunspool.toml" line 22: kafka.topic = "..": must be 1–249 of the characters A–Z a–z 0–9 . _ - and not . or ..',
      '"sunspool.toml" line 23: kafka.acks = 2: must be one of all, 1, 0',
      '"sunspool.toml" line 24: kafka.enable_idempotence = "no": must be true or false',
      '"sunspool.toml" line 25: kafka.compression = {"a":1}: must be one of none, gzip, zstd',
      '"sunspool.toml" line 26: kafka.tls: must be a table',
      '"sunspool.toml" line 28: sunspec.base_address = 65534: must be auto or a register address within 0–65533',
      '"sunspool.toml" line 30: log.level = ["debug"]: must be one of debug, info, warn, error',
      '"sunspool.toml" line 32: metrics.port = -1: must be a whole number within 0–65535',
      '"sunspool.toml" line 33: metrics.token: is a secret and has no place in a file that people copy; set SUNSPEC_METRICS_TOKEN, or metrics.token_file',
      '"sunspool.toml" line 35: collector.id = "two words": must be 1–100 of the characters A–Z a–z 0–9 . _ -',
      '"sunspool.toml" line 37: collect.outputs: there is no output "mqtt", only kafka, file',
    ].toSorted(),
  );
});

Deno.test("[[devices]] are refused entry by entry", () => {
  const text = `[[devices]]
endpoint = "192.0.2.7"

[[devices]]
unit_ids = "auto"

[[devices]]
endpoint = "192.0.2.7:0"
unit_ids = []
name = 5
base_address = 65534
poll_interval_ms = 1
timeout_ms = 0
max_registers = 126
models = 103
session = "keep"
unit = 1

[[devices]]
endpoint = 5
models = [103, "x"]

[[devices]]
endpoint = "udp://192.0.2.7"

[[devices]]
endpoint = "192.0.2.7:502"
unit_ids = "1-2"
`;
  const ids = "write 1, 1,3,126, 1-10 or auto, each within 0–255";
  const models = "must be a whole number within 1–65534";
  assert.deepEqual(faultsOf(() => loadText(text)), [
    '"sunspool.toml" line 5: devices.1.unit_ids = "auto": must name unit ids: 1, 1,3,126 or 1-10',
    '"sunspool.toml" line 4: devices.1: has no endpoint',
    '"sunspool.toml" line 8: devices.2.endpoint = "192.0.2.7:0": Cannot use endpoint "192.0.2.7:0": port 0 is not within 1–65535',
    `"sunspool.toml" line 9: devices.2.unit_ids = []: Cannot use unit ids "": ${ids}`,
    '"sunspool.toml" line 10: devices.2.name = 5: must be a text',
    '"sunspool.toml" line 11: devices.2.base_address = 65534: must be a whole number within 0–65533',
    '"sunspool.toml" line 12: devices.2.poll_interval_ms = 1: must be a whole number within 10–86400000',
    '"sunspool.toml" line 13: devices.2.timeout_ms = 0: must be a whole number within 1–3600000',
    '"sunspool.toml" line 14: devices.2.max_registers = 126: must be a whole number within 1–125',
    '"sunspool.toml" line 15: devices.2.models = 103: must be an array of model ids',
    '"sunspool.toml" line 16: devices.2.session = "keep": must be one of hold, release',
    '"sunspool.toml" line 17: devices.2.unit: unknown key; known are endpoint, unit_ids, name, base_address, poll_interval_ms, timeout_ms, max_registers, models, session, connect_delay_ms, inter_read_delay_ms',
    '"sunspool.toml" line 20: devices.3.endpoint = 5: must be a text',
    `"sunspool.toml" line 21: devices.3.models = [103,"x"]: ${models}`,
    '"sunspool.toml" line 24: devices.4.endpoint = "udp://192.0.2.7": Cannot use endpoint "udp://192.0.2.7": unknown scheme "udp", use HOST, HOST:PORT, [v6]:PORT, tcp://…, tls://…, rtu+tcp://… or serial:/dev/tty…',
    '"sunspool.toml" line 26: devices.5: "192.0.2.7:502 unit 1" is listed twice',
  ]);
  assert.deepEqual(faultsOf(() => loadText("devices = [5]\n")), [
    '"sunspool.toml" line 1: devices.0: must be a table',
  ]);
  assert.deepEqual(faultsOf(() => loadText("[devices]\nendpoint = 'x'\n")), [
    '"sunspool.toml" line 1: devices = {"endpoint":"x"}: must be written as [[devices]] tables',
  ]);
});

Deno.test("an unknown key comes with the one that was meant, where one is near", () => {
  for (
    const [key, hint] of [
      ["poller.pollinterval_ms", ", did you mean poller.poll_interval_ms?"],
      ["kafka.broker", ", did you mean kafka.brokers?"],
      ["bufer", ", did you mean buffer?"],
      ["kafka.tsl", ", did you mean kafka.tls?"],
      ["poll_interval_ms", ", did you mean poller.poll_interval_ms?"],
      ["kafka.port", ", did you mean discovery.port?"],
      ["something.else", `; sunspool ${VERSION} has none like it`],
      ["__proto__", `; sunspool ${VERSION} has none like it`],
    ] as const
  ) {
    const json = `{${JSON.stringify(key)}: 1}`;
    assert.deepEqual(
      faultsOf(() => loadText(json, "x.json")),
      [`"x.json" line 1: ${key}: unknown key${hint}`],
    );
  }
});

Deno.test("a file that cannot be read or parsed is refused by its name, and its line", () => {
  using folder = temporaryFolder();
  for (
    const [file, want] of [
      [`${folder.path}/missing.toml`, /^Cannot read configuration "missing\.toml": no such file$/],
      [folder.path, /^Cannot read configuration ".*": Is a directory/],
    ] as const
  ) {
    assert.match(faultsOf(() => load({ file }))[0] ?? "", want);
  }
  for (
    const [text, name, want] of [
      ["[poller]\na = \n", "x.toml", /^"x\.toml" line 2: not TOML: \S/],
      ["[poller\n", "x.toml", /^"x\.toml" line 1: not TOML: \S/],
      ["a = 1\na = 2\n", "x.toml", /^"x\.toml" line 2: not TOML: \S/],
      ['{"a": 1,\n}', "x.json", /^"x\.json": not JSON: .*line 2/],
      ["[]", "x.json", /^"x\.json": the file: must be a table$/],
      ["null", "x.json", /^"x\.json": the file: must be a table$/],
    ] as const
  ) {
    const faults = faultsOf(() => loadText(text, name));
    assert.equal(faults.length, 1, text);
    assert.match(faults[0] ?? "", want);
  }
  assert.deepEqual(loadText("").get(settings.devices), []);
});

Deno.test("the file is the one that is named, else SUNSPEC_CONFIG, else the user's own", () => {
  using folder = temporaryFolder();
  const write = (path: string, port: number) => {
    Deno.mkdirSync(`${folder.path}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
    Deno.writeTextFileSync(`${folder.path}/${path}`, `[discovery]\nport = ${port}\n`);
    return `${folder.path}/${path}`;
  };
  const named = write("named.toml", 1);
  const SUNSPEC_CONFIG = write("variable.toml", 2);
  write("xdg/sunspool/config.toml", 3);
  write("home/.config/sunspool/config.toml", 4);
  const [XDG_CONFIG_HOME, HOME] = [`${folder.path}/xdg`, `${folder.path}/home`];
  const { port } = settings.discovery;
  for (
    const [sources, want] of [
      [{ file: named, env: { SUNSPEC_CONFIG, XDG_CONFIG_HOME, HOME } }, 1],
      [{ env: { SUNSPEC_CONFIG, XDG_CONFIG_HOME, HOME } }, 2],
      [{ env: { SUNSPEC_CONFIG: "", XDG_CONFIG_HOME, HOME } }, 3],
      [{ env: { HOME } }, 4],
    ] as const
  ) {
    assert.equal(load(sources).get(port), want);
  }
  assert.deepEqual(
    faultsOf(() => load({ env: { SUNSPEC_CONFIG: `${folder.path}/gone.toml`, HOME } })),
    ['Cannot read configuration "gone.toml": no such file'],
  );
  assert.equal(load({ env: { XDG_CONFIG_HOME: `${folder.path}/nowhere` } }).get(port), 502);
});

Deno.test("SUNSPEC_STATIC_DEVICES is the short form of [[devices]]", () => {
  const devicesOf = (text: string) =>
    load({ env: { SUNSPEC_STATIC_DEVICES: text } }).get(settings.devices)
      .map(({ endpoint, unitIds }) => ({ ...endpoint, unitIds }));
  const tcp = { scheme: "tcp", port: 502 };
  assert.deepEqual(devicesOf("192.0.2.7:126, 192.0.2.8,meter,[2001:db8::7]:3,"), [
    { ...tcp, host: "192.0.2.7", unitIds: [126] },
    { ...tcp, host: "192.0.2.8", unitIds: [1] },
    { ...tcp, host: "meter", unitIds: [1] },
    { ...tcp, host: "2001:db8::7", unitIds: [3] },
  ]);
  for (
    const [text, want] of [
      ["192.0.2.7:1:2", ' = "192.0.2.7:1:2": "192.0.2.7:1:2" must be ip or ip:unit'],
      ["a b", ' = "a b": "a b" must be ip or ip:unit'],
      [
        "192.0.2.7:256",
        '.0.unit_ids = [256]: Cannot use unit ids "256": write 1, 1,3,126, 1-10 or auto, each within 0–255',
      ],
      ["a,a:1", '.1: "a:502 unit 1" is listed twice'],
    ] as const
  ) {
    assert.deepEqual(faultsOf(() => devicesOf(text)), [`SUNSPEC_STATIC_DEVICES: devices${want}`]);
  }
});

Deno.test("the short form has no room for a port: that of the search is taken", () => {
  const env = { SUNSPEC_STATIC_DEVICES: "192.0.2.7:126,meter", SUNSPEC_PORT: "1502" };
  assert.deepEqual(
    load({ env }).get(settings.devices).map(({ endpoint, unitIds }) => ({ ...endpoint, unitIds })),
    [
      { scheme: "tcp", host: "192.0.2.7", port: 1502, unitIds: [126] },
      { scheme: "tcp", host: "meter", port: 1502, unitIds: [1] },
    ],
  );
});

Deno.test("variables that look like ours and are none are told of", () => {
  const env = { SUNSPEC_PORTS: "1502", SUNSPEC_CONFIG: "", OTHER: "1" };
  assert.deepEqual(warningsOf(load({ env })), [
    "SUNSPEC_PORTS: no setting has this variable, did you mean SUNSPEC_PORT?",
  ]);
});

Deno.test("bad variables are refused by their name, beside the faults of the file", () => {
  const env = { SUNSPEC_PORT: "abc", SUNSPEC_KAFKA_BROKERS: "a:1,b" };
  assert.deepEqual(faultsOf(() => loadText("[log]\nlevel = 1\n", "x.toml", env)), [
    'SUNSPEC_PORT: discovery.port = "abc": must be a whole number within 1–65535',
    '"x.toml" line 2: log.level = 1: must be one of debug, info, warn, error',
    'SUNSPEC_KAFKA_BROKERS: kafka.brokers.1: "b" must be host:port',
  ]);
});

Deno.test("a bad flag is wrong usage: it names the flag and the key", () => {
  const flag = (value: string) => [{ flag: "--timeout", key: "modbus.timeout_ms", value }];
  const noFlags: ReturnType<typeof flag> = [];
  for (
    const [overrides, flags, want] of [
      [["poller"], noFlags, 'Cannot use --set "poller": write --set section.key=value'],
      [["=5"], noFlags, 'Cannot use --set "=5": write --set section.key=value'],
      [
        ["poller.jiter_ms=5"],
        noFlags,
        'Cannot use --set for "poller.jiter_ms": unknown key, did you mean poller.jitter_ms?',
      ],
      [
        ["poller.jitter_ms=x"],
        noFlags,
        'Cannot use --set "poller.jitter_ms=x": poller.jitter_ms must be a whole number within 0–86400000',
      ],
      [
        [],
        flag("7200000"),
        'Cannot use --timeout "7200000": modbus.timeout_ms must be a whole number within 1–3600000',
      ],
    ] as const
  ) {
    assert.throws(() => load({ overrides, flags }), (error) => {
      assert.ok(error instanceof UsageError, String(error));
      assert.equal(error.message, want);
      return true;
    });
  }
});

Deno.test("a secret is refused in a file and in --set, and never repeated", () => {
  const secrets = allSettings.filter(({ isSecret }) => isSecret);
  assert.deepEqual(secrets.map(({ key }) => key).toSorted(), [
    "kafka.sasl.password",
    "metrics.token",
  ]);
  for (const { key, env } of secrets) {
    const [fault = ""] = faultsOf(() => loadText(`${key} = "hunter2"\n`));
    assert.match(fault, new RegExp(`^"sunspool\\.toml" line 1: ${key}: is a secret`));
    assert.ok(fault.includes(`set ${env}, or ${key}_file`), fault);
    assert.doesNotMatch(fault, /hunter2/);
    for (const override of [`${key}=hunter2`, `${key}x=hunter2`]) {
      assert.throws(() => load({ overrides: [override] }), (error) => {
        assert.ok(error instanceof UsageError);
        assert.doesNotMatch(error.message, /hunter2/);
        return true;
      });
    }
    const setting = secrets.find((setting) => setting.key === key);
    assert.equal(setting && load({ env: { [env]: "hunter2" } }).get(setting), "hunter2");
  }
});

Deno.test("readings go to Kafka when brokers are given, else to files", () => {
  const names = (env: Variables) => load({ env }).outputs().map(({ name }) => name);
  const SUNSPEC_KAFKA_BROKERS = "a:9092";
  assert.deepEqual(names({}), ["file"]);
  assert.deepEqual(names({ SUNSPEC_KAFKA_BROKERS }), ["kafka"]);
  assert.deepEqual(names({ SUNSPEC_KAFKA_BROKERS, SUNSPEC_OUTPUTS: "file" }), ["file"]);
  assert.deepEqual(
    names({ SUNSPEC_KAFKA_BROKERS, SUNSPEC_OUTPUTS: "file,kafka" }).toSorted(),
    ["file", "kafka"],
  );
  assert.deepEqual(faultsOf(() => names({ SUNSPEC_OUTPUTS: "kafka" })), [
    "SUNSPEC_OUTPUTS: kafka.brokers: the output kafka needs brokers, as host:port",
  ]);
});

Deno.test("acks, idempotence and delivery go together as the contract says", () => {
  const refusal = {
    acks: "SUNSPEC_KAFKA_ACKS: kafka.acks: exactly_once needs acks = all",
    idempotence: "SUNSPEC_KAFKA_IDEMPOTENCE: kafka.enable_idempotence: exactly_once needs " +
      "enable_idempotence = true",
  };
  const warning = (place: string) =>
    `${place}: selects kafka.delivery = "at_least_once": a reading may arrive twice; give ` +
    "kafka.delivery to confirm it";
  const warnings = {
    acks: warning("SUNSPEC_KAFKA_ACKS: kafka.acks"),
    idempotence: warning("SUNSPEC_KAFKA_IDEMPOTENCE: kafka.enable_idempotence"),
  };
  const brokers = { SUNSPEC_KAFKA_BROKERS: "a:9092" };
  const exact = { SUNSPEC_KAFKA_DELIVERY: "exactly_once" };
  const least = { SUNSPEC_KAFKA_DELIVERY: "at_least_once" };
  const [acks, off] = [{ SUNSPEC_KAFKA_ACKS: "1" }, { SUNSPEC_KAFKA_IDEMPOTENCE: "false" }];
  for (
    const [env, faults, warned] of [
      [{}, [], []],
      [exact, [], []],
      [least, [], []],
      [{ SUNSPEC_KAFKA_ACKS: "all", SUNSPEC_KAFKA_IDEMPOTENCE: "true" }, [], []],
      [acks, [], [warnings.acks]],
      [off, [], [warnings.idempotence]],
      [{ ...acks, ...off }, [], [warnings.acks, warnings.idempotence]],
      [{ ...acks, ...off, ...least }, [], []],
      [{ ...acks, ...exact }, [refusal.acks], []],
      [{ ...off, ...exact }, [refusal.idempotence], []],
      [{ ...acks, ...off, ...exact }, [refusal.acks, refusal.idempotence], []],
    ] as const
  ) {
    const variables: Variables = { ...brokers, ...env };
    assert.deepEqual(faultsOf(() => load({ env: variables })), faults);
    if (faults.length === 0) assert.deepEqual(warningsOf(load({ env: variables })), warned);
    // Without brokers nothing is delivered to Kafka; what cannot be is refused nevertheless.
    assert.deepEqual(faultsOf(() => load({ env })), faults);
    if (faults.length === 0) assert.deepEqual(warningsOf(load({ env })), []);
  }
});

Deno.test("a login is protected by TLS, or whoever configured it is warned", () => {
  const login = 'mechanism = "scram-sha-512"\nusername = "me"\n';
  const bare = `[kafka]\nbrokers = "a:1"\n[kafka.sasl]\n${login}`;
  const [warning = "", ...others] = warningsOf(loadText(bare, "x.toml"));
  assert.match(warning, /x\.toml" line 4: kafka\.sasl\.mechanism: without TLS everybody /);
  assert.deepEqual(others, []);
  for (const tls of ["enabled = true", 'ca_file = "ca.pem"']) {
    for (const mechanism of ["plain", "scram-sha-256"]) {
      const text = `${bare.replace("scram-sha-512", mechanism)}[kafka.tls]\n${tls}\n`;
      assert.deepEqual(warningsOf(loadText(text, "x.toml")), []);
    }
  }
});

Deno.test("what contradicts itself is told where it is written", () => {
  for (
    const [text, want] of [
      [
        '[kafka]\nbrokers = "a:1"\n[kafka.sasl]\nmechanism = "plain"\n',
        '"x.toml" line 4: kafka.sasl.username: plain needs a user name',
      ],
      [
        '[kafka]\nbrokers = "a:1"\n[kafka.sasl]\nusername = "me"\n',
        '"x.toml" line 4: kafka.sasl.mechanism: must be one of plain, scram-sha-256, scram-sha-512',
      ],
      [
        '[kafka]\nbrokers = "a:1"\n[kafka.sasl]\nmechanism = "plain"\nusername = "me"\n',
        '"x.toml" line 4: kafka.sasl.mechanism: plain sends the password as it is: set ' +
        "kafka.tls.enabled = true, or use scram-sha-512",
      ],
      [
        '[kafka]\nbrokers = "a:1"\n[kafka.tls]\nkey_file = "own.key"\n',
        '"x.toml" line 4: kafka.tls.cert_file: a certificate and its key go together',
      ],
    ] as const
  ) {
    assert.deepEqual(faultsOf(() => loadText(text, "x.toml")), [want]);
  }
});
