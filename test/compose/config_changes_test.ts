import assert from "node:assert/strict";
import { ConfigState } from "../../lib/compose/config_changes.ts";
import { loadConfig } from "../../lib/config/mod.ts";
import { temporaryFolder } from "../program.ts";

const BROKER = `[kafka]\nbrokers = ["127.0.0.1:9"]\n`;

/** What a configuration comes to, in a folder with the files `ca` and `record`. */
function stateIn(folder: string, toml: string): ConfigState {
  const file = `${folder}/site.toml`;
  Deno.writeTextFileSync(file, toml.replaceAll("HERE", folder));
  return new ConfigState(loadConfig({ file, overrides: [], env: () => undefined }));
}

/** What of two configurations, and of the files between them, is another. */
function changes(before: string, after: string, meanwhile: (folder: string) => void = () => {}) {
  using folder = temporaryFolder();
  for (const name of ["ca", "record"]) Deno.writeTextFileSync(`${folder.path}/${name}`, "old");
  const first = stateIn(folder.path, before);
  meanwhile(folder.path);
  const second = stateIn(folder.path, after);
  second.requireChangeable(first);
  return { ...second.fleetChange(first), left: second.outputsLeft(first) };
}

const NOTHING = { isRebuilt: false, isSearchOther: false, left: [] };

Deno.test("each key makes those leave whom it is about, and nobody else", () => {
  for (
    const [before, after, want] of [
      [
        "",
        `[log]\nlevel = "debug"\n[buffer]\nmax_age_s = 60\n[collect]\ndrain_deadline_ms = 1\n`,
        {},
      ],
      ["", `[[devices]]\nendpoint = "127.0.0.1"\n`, {}],
      ["", `[poller]\npoll_interval_ms = 2000\n`, { isRebuilt: true }],
      ["", `[poller]\npoll_interval_ms = 1000\n`, {}],
      ["", `[avro]\nregisters = true\n`, { isRebuilt: true }],
      ["", `[discovery]\nsubnet = "127.0.0.0/30"\n`, { isSearchOther: true }],
      ["", `[discovery]\nper_host_timeout_ms = 2000\n`, { isRebuilt: true, isSearchOther: true }],
      ["", `[file]\nroll_s = 5\n`, { left: ["file"] }],
      ["", `[kafka]\ntimeout_ms = 6000\n`, {}],
      ["", BROKER, { left: ["file"] }],
      [BROKER, `${BROKER}topic = "other"\n`, { left: ["kafka"] }],
      [BROKER, `${BROKER}[buffer]\nbatch_size = 5\n`, { left: ["kafka"] }],
      [BROKER, `[collect]\noutputs = ["kafka", "file"]\n${BROKER}`, {}],
    ] as const
  ) {
    assert.deepEqual(changes(before, after), { ...NOTHING, ...want }, after);
  }
});

Deno.test("a certificate that was renewed under its name counts as another, a recording does not", () => {
  const renew = (folder: string) => Deno.writeTextFileSync(`${folder}/ca`, "new");
  const tls = `${BROKER}tls.enabled = true\ntls.ca_file = "HERE/ca"\n`;
  assert.deepEqual(changes(tls, tls), NOTHING);
  assert.deepEqual(changes(tls, tls, renew), { ...NOTHING, left: ["kafka"] });
  const modbus = `[modbus]\nrecord_file = "HERE/record"\ntls.ca_file = "HERE/ca"\n`;
  assert.deepEqual(changes(modbus, modbus, renew), { ...NOTHING, isRebuilt: true });
  const record = (folder: string) => Deno.writeTextFileSync(`${folder}/record`, "more");
  assert.deepEqual(changes(modbus, modbus, record), NOTHING);
});

Deno.test("what only a start can change is refused, all of it at once", () => {
  assert.throws(
    () =>
      changes("", `[collector]\nid = "wall"\n[buffer]\nisolate = "true"\n[metrics]\nport = 0\n`),
    (error: Error) => {
      assert.equal(error.name, "ConfigError");
      assert.match(
        error.message,
        /^".*" line 2: collector\.id cannot change while it runs; restart it\n.*line 4: buffer\.isolate .*\n.*line 6: metrics\.port /,
      );
      return true;
    },
  );
});
