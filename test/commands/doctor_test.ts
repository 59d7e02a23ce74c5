import assert from "node:assert/strict";
import { startKafka } from "../../scripts/services.ts";
import { freePort, NO_SUCH_HOST, run, simulate, start, temporaryFolder } from "../program.ts";
import { serviceTest } from "../services.ts";

interface Found {
  readonly subject: string;
  readonly state: "ok" | "warning" | "fault";
  readonly text: string;
  readonly advice: string | null;
}

/** Runs doctor with keys of the configuration; gives its exit code and its findings. */
async function examined(cwd: string, config: string, ...more: readonly string[]) {
  await Deno.writeTextFile(`${cwd}/sunspool.toml`, config);
  const { code, out, err } = await run(
    ["doctor", "--config", "sunspool.toml", "--json", ...more],
    { cwd },
  );
  const findings: readonly Found[] = JSON.parse(out);
  const about = (subject: string) => findings.filter((finding) => finding.subject === subject);
  for (const { state, advice, text } of findings) {
    if (state === "fault") assert.ok(advice, `${text} comes without advice`);
  }
  return { code, err, findings, about };
}

Deno.test("all is well, and each thing that was looked at is told", async () => {
  using folder = temporaryFolder();
  await using devices = await simulate(["--models", "1,103"], { cwd: folder.path });
  const config = `[[devices]]\nendpoint = "${devices.endpoints[0]}"\n`;
  const { code, findings, err } = await examined(folder.path, config);
  assert.equal(code, 0, err);
  const subjects = new Set(findings.map(({ subject }) => subject.replace(/ 127.*/, "")));
  assert.deepEqual(
    [...subjects],
    ["program", "configuration", "clock", "buffer", "device", "output file"],
  );
  assert.match(findings.map(({ text }) => text).join("\n"), /is Helio-H-10-SN0001 with the models/);

  const { out } = await run(["doctor", "--config", "sunspool.toml"], { cwd: folder.path });
  assert.match(out, /^ok {4}device 127\.\S+\/1: is Helio-H-10-SN0001/m);
});

Deno.test("beside its collector it tells how long an outage the buffer holds, beside another's not", async () => {
  using folder = temporaryFolder();
  const cwd = folder.path;
  await using devices = await simulate(["--models", "1,103"], { cwd });
  const port = freePort("127.0.0.1");
  const config = (more = "") =>
    `${more}[[devices]]\nendpoint = "${devices.endpoints[0]}"\n[metrics]\nport = ${port}\n` +
    `[poller]\npoll_interval_ms = 100\n`;
  await Deno.writeTextFile(`${cwd}/site.toml`, config());
  await using collector = start(["collect", "--config", "site.toml"], { cwd });
  const [, told = ""] = await collector.told(/"the buffer holds an outage of (\d+ \w+)"/);
  const texts = async (text: string) =>
    (await examined(cwd, text)).about("buffer").map(({ text }) => text).join("\n");
  const [, found = ""] =
    /^holds an outage of (\d+ \w+) at the rate of /m.exec(await texts(config())) ??
      [];
  const of = (text: string) => Number.parseInt(text) * (/days/.test(text) ? 24 : 1);
  assert.ok(of(found) > of(told) / 3 && of(found) < 3 * of(told), `${found}, not ${told}`);
  const otherBuffer = ["--buffer", "--count", "1", "--set", "buffer.path=other.sqlite"];
  assert.equal((await run(["poll", devices.endpoints[0], ...otherBuffer], { cwd })).code, 0);
  const other = await texts(config(`[buffer]\npath = "other.sqlite"\n`));
  assert.match(other, /file "other.sqlite" of collector ".*" is whole/);
  assert.doesNotMatch(other, /outage/);
});

Deno.test("devices that fail are told apart, and the others work on", async () => {
  using folder = temporaryFolder();
  const cwd = folder.path;
  await using devices = await simulate(["--models", "1,103"], { cwd });
  const endpoint = devices.endpoints[0];
  const closed = `127.0.0.1:${freePort("127.0.0.1")}`;
  const config = [
    `[[devices]]\nendpoint = "${endpoint}"\nunit_ids = [1, 9]`,
    `[[devices]]\nendpoint = "${closed}"`,
    `[[devices]]\nendpoint = "${NO_SUCH_HOST}"`,
  ].join("\n");
  const { code, about } = await examined(cwd, config);
  assert.equal(code, 3);
  assert.equal(about(`device ${endpoint}/1`)[0]?.state, "ok");
  assert.equal(about(`device ${endpoint}/9`)[0]?.state, "fault");
  assert.match(about(`device ${closed}`)[0]?.text ?? "", /refused/);
  assert.match(about(`device ${NO_SUCH_HOST}:502`)[0]?.text ?? "", /no such host/);
});

Deno.test("without any device that works it has failed", async () => {
  using folder = temporaryFolder();
  const none = await examined(folder.path, "");
  assert.equal(none.code, 1);
  assert.match(none.about("devices")[0]?.text ?? "", /no \[\[devices\]\] are configured/);
  const wrong = await examined(folder.path, "[bufer]\npath = 1\n");
  assert.equal(wrong.code, 1);
  assert.match(wrong.about("configuration")[0]?.text ?? "", /bufer/);
  assert.match(wrong.about("program")[0]?.text ?? "", /^sunspool \d/, "which is told all the same");
});

Deno.test("a buffer that cannot be made is a fault; one that can be, with its folder, is none", async () => {
  using folder = temporaryFolder();
  const cwd = folder.path;
  await Deno.writeTextFile(`${cwd}/file`, "no folder");
  const wrong = await examined(cwd, '[buffer]\npath = "file/buffer.sqlite"\n');
  assert.equal(wrong.code, 1);
  assert.match(wrong.about("buffer")[0]?.text ?? "", /^Cannot open buffer "file/);
  assert.equal(wrong.about("buffer")[0]?.state, "fault");
  const { about } = await examined(cwd, '[buffer]\npath = "gone/deep/buffer.sqlite"\n');
  assert.deepEqual(about("buffer").map(({ state }) => state), ["ok", "ok"]);
  assert.match(about("buffer")[0]?.text ?? "", /is not there yet, collect makes it/);
  // A folder of whoever asks would keep the collector's user out.
  assert.deepEqual([...Deno.readDirSync(cwd)].map(({ name }) => name).sort(), [
    "file",
    "sunspool.toml",
  ]);
});

Deno.test("what config check warns of is told here too", async () => {
  using folder = temporaryFolder();
  const { about } = await examined(folder.path, '[metrics]\naddress = "0.0.0.0"\n');
  assert.match(about("configuration")[1]?.text ?? "", /nothing is served beyond loopback/);
});

Deno.test("a corrupt buffer is told, and left as it is", async () => {
  using folder = temporaryFolder();
  const cwd = folder.path;
  await Deno.writeTextFile(`${cwd}/sunspec-buffer.sqlite`, "not a database at all".repeat(100));
  const { about } = await examined(cwd, "");
  assert.equal(about("buffer")[0]?.state, "fault");
  assert.match(about("buffer")[0]?.text ?? "", /is corrupt/);
  assert.match(await Deno.readTextFile(`${cwd}/sunspec-buffer.sqlite`), /^not a database/);
});

Deno.test("a folder that cannot be written is a fault of the output", async () => {
  using folder = temporaryFolder();
  await Deno.writeTextFile(`${folder.path}/readings`, "a file, no folder");
  const { about } = await examined(folder.path, "");
  assert.equal(about("output file")[0]?.state, "fault");
});

Deno.test("what listens and is no Kafka is not taken for one that refuses", async () => {
  using folder = temporaryFolder();
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepting = (async () => {
    for await (const connection of listener) connection.close();
  })();
  const { about } = await examined(
    folder.path,
    `[kafka]\nbrokers = ["127.0.0.1:${listener.addr.port}"]`,
  );
  const [reached, failed] = about("output kafka");
  assert.equal(reached?.state, "ok");
  assert.equal(failed?.state, "fault");
  assert.match(failed?.advice ?? "", /^check that it is Kafka that listens there/);
  listener.close();
  await accepting;
});

serviceTest("Kafka is examined as far as it lets us in", ["kafka"], async () => {
  using folder = temporaryFolder();
  const cwd = folder.path;
  await using kafka = await startKafka();
  await kafka.admin("topics", "--create", "--topic", "small", "--config", "max.message.bytes=9999");
  await Deno.writeTextFile(`${cwd}/right`, kafka.users.admin.password, { mode: 0o600 });
  await Deno.writeTextFile(`${cwd}/wrong`, "guessed", { mode: 0o600 });
  const config = (password: string, topic: string) =>
    [
      `[kafka]\nbrokers = ["${kafka.saslBrokers}"]\ntopic = "${topic}"`,
      `tls.ca_file = "${kafka.caFile}"\nsasl.mechanism = "scram-sha-512"`,
      `sasl.username = "${kafka.users.admin.username}"\nsasl.password_file = "${password}"`,
    ].join("\n");
  const texts = async (text: string) => {
    const { about } = await examined(cwd, text);
    return about("output kafka").map(({ state, text }) => `${state}: ${text}`).join("\n");
  };
  const small = await texts(config("right", "small"));
  assert.match(small, /^ok: broker ".*" speaks TLS, its certificate is valid until \d{4}-/m);
  assert.match(small, /^ok: topic "small" has 1 partitions with 1 replicas each$/m);
  assert.match(small, /^warning: topic "small" can lose readings with a broker: 1 replicas/m);
  assert.match(small, /^warning: topic "small" takes 9999 bytes at once/m);
  assert.match(await texts(config("right", "absent")), /^warning: topic "absent" is not there$/m);
  assert.match(await texts(config("wrong", "small")), /^fault: .*this collector was not let in/m);
  const { about } = await examined(cwd, config("wrong", "small"));
  assert.match(about("output kafka").at(-1)?.advice ?? "", /^see the rights .* and the login/);
  const untrusted = config("right", "small").replace(/tls\.ca_file = .*\n/, "tls.enabled = true\n");
  assert.match(await texts(untrusted), /^fault: Cannot speak TLS with broker .*self-signed/m);
});
