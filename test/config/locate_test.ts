import assert from "node:assert/strict";
import fc from "fast-check";
import { parse, stringify } from "smol-toml";
import { locateJson, locateToml } from "../../lib/config/locate.ts";

const TOML = `# line 1: [poller] in a comment is no table
[poller] # line 2
poll_interval_ms = 1000
"jitter_ms" = 5 # a "quote and a [ in a comment

[ discovery ]
subnet = [
  "192.0.2.0/24", # ] not the end
  "a = b",
]
port=502

[[devices]]
endpoint = "192.0.2.7"
note = "escaped \\" quote and [ bracket"
name = 'C:\\'
models = [1,
  103]
[[devices]]
  endpoint = "192.0.2.8"
  text = """
port = 1
  [devices]
"quoted" \\""" still
"""
  unit_ids = "1"
[kafka]
topic = '''
acks = 1
'''
acks = "all"
ssl.ca_file = "x"
sasl . username = "u"
[kafka.tls]
cert_file = { a = 1,
  b = 2 }
key_file = """one line"""
[ "kafka" . 'odd name' ]
x = ""
y = 1
`;

Deno.test("locateToml() finds the line of a key", () => {
  assert.doesNotThrow(() => parse(TOML));
  for (
    const [path, line] of [
      ["poller", 2],
      ["poller.poll_interval_ms", 3],
      ["poller.jitter_ms", 4],
      ["discovery", 6],
      ["discovery.subnet", 7],
      ["discovery.port", 11],
      ["devices", 13],
      ["devices.0", 13],
      ["devices.0.endpoint", 14],
      ["devices.0.name", 16],
      ["devices.0.models", 17],
      ["devices.1", 19],
      ["devices.1.endpoint", 20],
      ["devices.1.text", 21],
      ["devices.1.unit_ids", 26],
      ["kafka", 27],
      ["kafka.topic", 28],
      ["kafka.acks", 31],
      ["kafka.ssl.ca_file", 32],
      ["kafka.sasl.username", 33],
      ["kafka.tls", 34],
      ["kafka.tls.cert_file", 35],
      ["kafka.tls.key_file", 37],
      ["kafka.odd name.y", 40],
    ] as const
  ) {
    assert.equal(locateToml(TOML, path.split(".")), line, path);
  }
});

Deno.test("locateToml() gives the nearest line around what it cannot see", () => {
  for (
    const [path, line] of [
      ["poller.missing", 2],
      ["discovery.subnet.1", 7],
      ["devices.1.models.0", 19],
      ["devices.0.models.1", 17],
      ["kafka.tls.cert_file.b", 35],
      ["nothing.at.all", 0],
    ] as const
  ) {
    assert.equal(locateToml(TOML, path.split(".")), line, path);
  }
  assert.equal(locateToml("\n[kafka.tls.deep]\nx = 1\n", ["kafka", "tls"]), 2);
  assert.equal(locateToml("devices = [{ endpoint = 5 }]", ["devices", "0", "endpoint"]), 1);
});

const JSON_TEXT = `{
  "poller": {
    "poll_interval_ms": 1000, "jitter_ms": 5
  },
  "discovery": {"subnet": [
    "a: {b}", "c \\" , d"
  ],
    "port"
      : 502
  },
  "devices": [
    { "endpoint": "192.0.2.7",
      "unit_ids": [1, 2] },
    {
      "na\\u006de": "x" }
  ],
  "kafka": { "tls": { "ca_file": null } }
}`;

Deno.test("locateJson() finds the line of a key, or the nearest around it", () => {
  for (
    const [path, line] of [
      ["poller", 2],
      ["poller.poll_interval_ms", 3],
      ["poller.jitter_ms", 3],
      ["discovery.subnet", 5],
      ["discovery.subnet.1", 5],
      ["discovery.port", 9],
      ["devices", 11],
      ["devices.0", 12],
      ["devices.0.endpoint", 12],
      ["devices.0.unit_ids", 13],
      ["devices.0.unit_ids.1", 13],
      ["devices.1", 14],
      ["devices.1.name", 15],
      ["kafka.tls.ca_file", 17],
      ["kafka.tls.missing", 17],
      ["nothing", 0],
    ] as const
  ) {
    assert.equal(locateJson(JSON_TEXT, path.split(".")), line, path);
  }
});

const key = fc.stringMatching(/^[a-z][a-z0-9_-]{0,8}$/);
const text = fc.oneof(
  fc.string(),
  fc.constantFrom("[x]", "a = 1", '"', "'", '"""', "#", "{", "\n[t]\n"),
);
const leaf = fc.oneof(fc.integer(), fc.boolean(), text, fc.array(text, { maxLength: 3 }));
const section = fc.dictionary(key, leaf, { minKeys: 1, maxKeys: 4, noNullPrototype: true });

Deno.test("a key is found on the line that begins with it, whatever the values are", () => {
  const file = fc.dictionary(key, section, { minKeys: 1, maxKeys: 4, noNullPrototype: true });
  fc.assert(fc.property(file, (content) => {
    const forms = [
      [stringify(content), locateToml],
      [JSON.stringify(content, null, 2), locateJson],
    ] as const;
    for (const [text, locate] of forms) {
      const lines = text.split("\n");
      for (const [name, section] of Object.entries(content)) {
        for (const key of Object.keys(section)) {
          const line = lines[locate(text, [name, key]) - 1] ?? "";
          assert.match(line.trim(), new RegExp(`^"?${key}"?\\s*[=:]`), text);
        }
      }
    }
  }));
});
