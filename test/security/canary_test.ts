import assert from "node:assert/strict";
import { run, type Surroundings, temporaryFolder } from "../program.ts";
import { eventually, simulate, start } from "../program.ts";
import { startWarmKafka } from "../outputs/broker.ts";
import { serviceTest } from "../services.ts";

/** Texts that occur nowhere else. */
function canaries<Name extends string>(...names: readonly Name[]): Record<Name, string> {
  const made: Partial<Record<Name, string>> = {};
  for (const name of names) {
    made[name] = `canary-${name}-${crypto.randomUUID().replaceAll("-", "")}`;
  }
  return JSON.parse(JSON.stringify(made));
}

/** Looks for the secrets: as they are, and as some encoding would have them. */
function assertKept(text: string, secrets: readonly string[], where: string): void {
  for (const secret of secrets) {
    const forms = [
      secret,
      btoa(secret),
      encodeURIComponent(secret),
      [...secret].reverse().join(""),
    ];
    for (const form of forms) {
      assert.ok(!text.includes(form), `${where} tells a secret: ${text.slice(0, 2000)}`);
    }
  }
}

/** Every byte of every file in a folder, as text. */
function filesOf(folder: string): (readonly [path: string, text: string])[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    if (isDirectory) return filesOf(path);
    return [[path, new TextDecoder("latin1").decode(Deno.readFileSync(path))] as const];
  });
}

Deno.test("a secret that was put where none belongs is not repeated", async () => {
  using folder = temporaryFolder();
  const { path: cwd } = folder;
  const { word } = canaries("word");
  const check = async (args: readonly string[], env: Record<string, string> = {}) => {
    const { code, out, err } = await run(args, { cwd, env });
    assert.notEqual(code, 0, out + err);
    assertKept(out + err, [word], args.join(" "));
  };
  const files = {
    "value.toml": `[kafka]\nsasl.password = "${word}"\n`,
    "mistyped.toml": `[kafka]\nsasl.pasword = "${word}"\n`,
    "broken.toml": `[kafka]\nsasl.password = ${word}\n`,
    "unclosed.toml": `[kafka]\nsasl.password = "${word}\n`,
    "value.json": `{"kafka":{"sasl":{"password":"${word}"}}}`,
    "broken.json": `{"metrics":{"token":${word}}}`,
    "token.toml": `[metrics]\ntoken = "${word}"\n`,
  };
  for (const [name, text] of Object.entries(files)) {
    await Deno.writeTextFile(`${cwd}/${name}`, text);
    await check(["config", "check", "--config", name]);
    await check(["collect", "--config", name, "--log-level", "debug"]);
  }
  await check(["config", "print", "--set", `kafka.sasl.password=${word}`]);
  await check(["config", "print", "--set", `metrics.token=${word}`]);
  await check(["config", "print", "--set", `kafka.sasl.pasword=${word}`]);
  await Deno.writeTextFile(`${cwd}/open`, word, { mode: 0o644 });
  await check(["serve-metrics", "--set", "metrics.token_file=open", "--log-level", "debug"]);
  await check(["serve-metrics"], { SUNSPEC_METRICS_TOKEN: `${word} with a blank` });
});

serviceTest(
  "secrets reach no log, page, help, error, printed configuration, buffer or file",
  ["kafka"],
  async (_tools, t) => {
    using folder = temporaryFolder();
    const { path } = folder;
    await using kafka = await startWarmKafka();
    await using devices = await simulate(["--models", "1,103"], { cwd: path });
    const { token, wrong } = canaries("token", "wrong");
    const right = kafka.users.admin.password;
    const private_ = async (name: string, text: string) => {
      await Deno.writeTextFile(`${path}/${name}`, text, { mode: 0o600 });
      return `${path}/${name}`;
    };
    await Deno.mkdir(`${path}/credentials`);
    await private_("credentials/kafka_sasl_password", right);
    await private_("credentials/metrics_token", token);
    const ways: Record<string, Record<string, string>> = {
      "in files": {
        SUNSPEC_KAFKA_SASL_PASSWORD_FILE: await private_("password", `${right}\n`),
        SUNSPEC_METRICS_TOKEN_FILE: await private_("token", `${token}\n`),
      },
      "in the environment": {
        SUNSPEC_KAFKA_SASL_PASSWORD: right,
        SUNSPEC_METRICS_TOKEN: token,
      },
      "as credentials": { CREDENTIALS_DIRECTORY: `${path}/credentials` },
      "a wrong one": { SUNSPEC_KAFKA_SASL_PASSWORD: wrong, SUNSPEC_METRICS_TOKEN: token },
    };
    for (const [name, secrets] of Object.entries(ways)) {
      await t.step(name, async () => {
        const cwd = `${path}/${name.replaceAll(" ", "-")}`;
        await Deno.mkdir(cwd);
        const env = {
          SUNSPEC_KAFKA_BROKERS: kafka.saslBrokers,
          SUNSPEC_KAFKA_TLS_CA_FILE: kafka.caFile,
          SUNSPEC_KAFKA_SASL_MECHANISM: "plain",
          SUNSPEC_KAFKA_SASL_USERNAME: "admin",
          SUNSPEC_LOG_LEVEL: "debug",
          SUNSPEC_METRICS_PORT: "0",
          SUNSPEC_POLL_INTERVAL_MS: "100",
          KAFKAJS_DEBUG_PROTOCOL_BUFFERS: "1",
          KAFKAJS_DEBUG_EXTENDED_PROTOCOL_BUFFERS: "1",
          ...secrets,
        };
        await lookEverywhere({ cwd, env }, devices.endpoints[0], name !== "a wrong one");
      });
    }

    async function lookEverywhere(here: Surroundings, endpoint: string, isLetIn: boolean) {
      const kept = [token, wrong, right];
      await Deno.writeTextFile(`${here.cwd}/site.toml`, `[[devices]]\nendpoint = "${endpoint}"\n`);
      {
        await using collect = start(["collect", "--config", "site.toml"], here);
        const [, place] = await collect.told(/"metrics are served","address":"([^"]+)"/);
        const pages = async () => {
          const headers = { authorization: `Bearer ${token}` };
          const texts = await Promise.all(
            ["metrics", "healthz", "readyz"].map(async (page) =>
              await (await fetch(`http://${place}/${page}`, { headers })).text()
            ),
          );
          return texts.join("\n");
        };
        const sign = isLetIn
          ? /sunspool_output_readings_total\{output="kafka",result="delivered"\} [1-9]/
          : /not let in/;
        assertKept(
          await eventually("it was tried", async () => {
            const text = await pages();
            return sign.test(text) && text;
          }),
          kept,
          "a page",
        );
        const { code, out, err } = await collect.stop();
        assert.equal(code, 0, err);
        assertKept(out + err, kept, "collect");
      }
      for (
        const words of [
          "config print",
          "config print --json",
          "config print --format csv",
          "config check",
          "config schema",
          "drain --give-up 100ms",
          "collect --help",
          "version --json",
        ]
      ) {
        const { out, err } = await run(words.split(" "), here);
        assertKept(out + err, kept, words);
        if (words === "config print") assert.match(out, /\(hidden\)|_file|default/);
      }
      for (const [file, text] of filesOf(here.cwd)) assertKept(text, kept, file);
    }
  },
);
