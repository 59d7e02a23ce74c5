/**
 * The configuration table of the contract, written off by hand: key, environment variable, default
 * as the file would have it (undefined = none).
 */
export const CONTRACT: readonly (readonly [key: string, env: string, fallback: unknown])[] = [
  ["collector.id", "SUNSPEC_COLLECTOR_ID", undefined],
  ["collect.outputs", "SUNSPEC_OUTPUTS", []],
  ["collect.shard", "SUNSPEC_COLLECT_SHARD", undefined],
  ["collect.drain_deadline_ms", "SUNSPEC_DRAIN_DEADLINE_MS", 5000],
  ["devices", "SUNSPEC_STATIC_DEVICES", []],
  ["discovery.subnet", "SUNSPEC_SUBNET", []],
  ["discovery.port", "SUNSPEC_PORT", 502],
  ["discovery.unit_ids", "SUNSPEC_DISCOVERY_UNIT_IDS", [1]],
  ["discovery.max_concurrency", "SUNSPEC_DISCOVERY_MAX_CONCURRENCY", 64],
  ["discovery.per_host_timeout_ms", "SUNSPEC_DISCOVERY_PER_HOST_TIMEOUT_MS", 1000],
  ["discovery.rescan_interval_s", "SUNSPEC_DISCOVERY_RESCAN_INTERVAL_S", 300],
  ["poller.poll_interval_ms", "SUNSPEC_POLL_INTERVAL_MS", 1000],
  ["poller.request_timeout_ms", "SUNSPEC_REQUEST_TIMEOUT_MS", 1000],
  ["poller.jitter_ms", "SUNSPEC_JITTER_MS", 0],
  ["modbus.max_batch_size", "SUNSPEC_MAX_BATCH_SIZE", 125],
  ["modbus.timeout_ms", "SUNSPEC_MODBUS_TIMEOUT_MS", undefined],
  ["modbus.retry_count", "SUNSPEC_MODBUS_RETRY_COUNT", 2],
  ["modbus.retry_backoff_ms", "SUNSPEC_MODBUS_RETRY_BACKOFF_MS", 100],
  ["modbus.retry_max_backoff_ms", "SUNSPEC_MODBUS_RETRY_MAX_BACKOFF_MS", 2000],
  ["modbus.connect_delay_ms", "SUNSPEC_MODBUS_CONNECT_DELAY_MS", 0],
  ["modbus.inter_read_delay_ms", "SUNSPEC_MODBUS_INTER_READ_DELAY_MS", 0],
  ["modbus.session", "SUNSPEC_MODBUS_SESSION", "hold"],
  ["modbus.record_file", "SUNSPEC_MODBUS_RECORD_FILE", undefined],
  ["modbus.tls.ca_file", "SUNSPEC_MODBUS_TLS_CA_FILE", undefined],
  ["modbus.tls.cert_file", "SUNSPEC_MODBUS_TLS_CERT_FILE", undefined],
  ["modbus.tls.key_file", "SUNSPEC_MODBUS_TLS_KEY_FILE", undefined],
  ["sunspec.base_address", "SUNSPEC_BASE_ADDRESS", undefined],
  ["sunspec.discovery_register_count", "SUNSPEC_DISCOVERY_REG_COUNT", 0],
  ["sunspec.models_dir", "SUNSPEC_MODELS_DIR", undefined],
  ["buffer.path", "SUNSPEC_BUFFER_PATH", "sunspec-buffer.sqlite"],
  ["buffer.batch_size", "SUNSPEC_BUFFER_BATCH_SIZE", 100],
  ["buffer.drain_interval_ms", "SUNSPEC_BUFFER_DRAIN_MS", 500],
  ["buffer.synchronous", "SUNSPEC_BUFFER_SYNCHRONOUS", "full"],
  ["buffer.commit_interval_ms", "SUNSPEC_BUFFER_COMMIT_INTERVAL_MS", 250],
  ["buffer.max_bytes", "SUNSPEC_BUFFER_MAX_BYTES", 1_073_741_824],
  ["buffer.max_age_s", "SUNSPEC_BUFFER_MAX_AGE_S", 2_592_000],
  ["buffer.min_free_bytes", "SUNSPEC_BUFFER_MIN_FREE_BYTES", 67_108_864],
  ["buffer.when_full", "SUNSPEC_BUFFER_WHEN_FULL", "drop_oldest"],
  ["buffer.isolate", "SUNSPEC_BUFFER_ISOLATE", "auto"],
  ["kafka.brokers", "SUNSPEC_KAFKA_BROKERS", []],
  ["kafka.topic", "SUNSPEC_KAFKA_TOPIC", "sunspec.telemetry"],
  ["kafka.client_id", "SUNSPEC_KAFKA_CLIENT_ID", "sunspec-collector"],
  ["kafka.acks", "SUNSPEC_KAFKA_ACKS", "all"],
  ["kafka.compression", "SUNSPEC_KAFKA_COMPRESSION", "zstd"],
  ["kafka.timeout_ms", "SUNSPEC_KAFKA_TIMEOUT_MS", 5000],
  ["kafka.enable_idempotence", "SUNSPEC_KAFKA_IDEMPOTENCE", true],
  // Nothing chooses exactly_once unless acks or idempotence rule it out.
  ["kafka.delivery", "SUNSPEC_KAFKA_DELIVERY", undefined],
  ["kafka.avro_codec", "SUNSPEC_KAFKA_AVRO_CODEC", "null"],
  ["file.directory", "SUNSPEC_FILE_DIRECTORY", "./readings"],
  ["file.roll_bytes", "SUNSPEC_FILE_ROLL_BYTES", 16_777_216],
  ["file.roll_s", "SUNSPEC_FILE_ROLL_S", 60],
  ["metrics.port", "SUNSPEC_METRICS_PORT", 9090],
  ["metrics.address", "SUNSPEC_METRICS_ADDRESS", "127.0.0.1"],
  ["metrics.token_file", "SUNSPEC_METRICS_TOKEN_FILE", undefined],
  ["log.level", "SUNSPEC_LOG_LEVEL", "info"],
  ["log.format", "SUNSPEC_LOG_FORMAT", undefined],
];

/** A configuration file that gives every key of the contract, none at its default. */
export const FULL_TOML = `[collector]
id = "roof.1"
[collect]
outputs = ["kafka", "file"]
drain_deadline_ms = 10_000
shard = "1/1"
[discovery]
subnet = ["192.0.2.0/24", "192.0.3.10-20", "meter.local"]
port = 1502
unit_ids = "1,126"
max_concurrency = 8
per_host_timeout_ms = 500
rescan_interval_s = 60
[poller]
poll_interval_ms = 5000
request_timeout_ms = 2000
jitter_ms = 50
[modbus]
max_batch_size = 100
timeout_ms = 700
retry_count = 1
retry_backoff_ms = 50
retry_max_backoff_ms = 1000
connect_delay_ms = 6
inter_read_delay_ms = 5
session = "release"
record_file = "exchange.txt"
tls.ca_file = "ca.pem"
tls.cert_file = "us.crt"
tls.key_file = "us.key"

[sunspec]
base_address = 0
discovery_register_count = 500
models_dir = "models"
[buffer]
path = "/tmp/x.sqlite"
batch_size = 50
drain_interval_ms = 250
synchronous = "normal"
commit_interval_ms = 0
max_bytes = "2 GiB"
max_age_s = 86_400
min_free_bytes = 0
when_full = "block"
isolate = false
[kafka]
brokers = ["a.example:9092", "[2001:db8::7]:9093"]
topic = "pv.readings"
client_id = "roof"
acks = 1
compression = "gzip"
timeout_ms = 9000
enable_idempotence = false
delivery = "at_least_once"
avro_codec = "zstandard"
[kafka.tls]
enabled = true
ca_file = "ca.pem"
cert_file = "own.pem"
key_file = "own.key"
[kafka.sasl]
mechanism = "scram-sha-512"
username = "roof"
password_file = "password"
[file]
directory = "/tmp/readings"
roll_bytes = 1048576
roll_s = 10
[avro]
registers = true
[metrics]
port = 0
address = "::1"
token_file = "token"
[log]
level = "warn"
format = "json"
[[devices]]
endpoint = "192.0.2.7:1502"
unit_ids = "1-3,126"
name = "roof"
base_address = 50000
poll_interval_ms = 250
timeout_ms = 900
max_registers = 60
models = [103, 160]
session = "release"
connect_delay_ms = 700
inter_read_delay_ms = 80
[[devices]]
endpoint = "[2001:db8::7]"
unit_ids = 2
[[devices]]
endpoint = "tcp://192.0.2.8"
unit_ids = [4, 5]
`;
