import assert from "node:assert/strict";
import { delay } from "../../lib/backoff.ts";
import { allSettings } from "../../lib/config/mod.ts";
import { VERSION } from "../../lib/version.ts";
import { bundle } from "../../scripts/build/bundle.ts";
import { makeDeb } from "../../scripts/build/deb.ts";
import { zippedRuntimeFor } from "../../scripts/build/runtime.ts";
import { eventually, run, start, temporaryFolder } from "../program.ts";
import { serviceTest } from "../services.ts";
import { composeFile, FOLDER } from "./compose.ts";
import { type Container, newVolume, runContainer, startContainer } from "./container.ts";
import { debian } from "./debian.ts";
import { carryOut, type Image } from "./dockerfile.ts";

const text = (name: string) => Deno.readTextFile(FOLDER + name);

/** As `docker run --env-file` reads it. */
function variablesOf(envFile: string): Record<string, string> {
  const lines = envFile.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return Object.fromEntries(lines.map((line) => {
    const [, name = "", value = ""] = /^(\w+)=(.*)$/.exec(line) ?? assert.fail(line);
    return [name, value];
  }));
}

serviceTest(
  "the Dockerfile's steps, done by hand, make a container that collects with a read-only root",
  ["busybox", "debian", "prometheus", "python"],
  async ({ busybox, debian: archive, prometheus, python }, t) => {
    using folder = temporaryFolder();
    await Deno.chmod(folder.path, 0o755);
    await using base = await debian(archive);
    const root = base.path;
    const context = `${folder.path}/dist`;
    await Deno.mkdir(context);
    const program = `${folder.path}/program`;
    await bundle(program);
    const contents = {
      program,
      zippedRuntime: await Deno.readFile(await zippedRuntimeFor("x64")),
    };
    const output = `${context}/sunspool_${VERSION}_amd64.deb`;
    await makeDeb("x64", contents, { output, time: 0 });
    const site = { base: "debian:12-slim", root, context, told: { TARGETARCH: "amd64" } };
    const image = await carryOut(await text("Dockerfile"), site);
    const volume = await newVolume(root, image, folder.path);

    await t.step("it runs as a user who owns the volume alone", async () => {
      assert.equal(image.user, "10001:10001");
      assert.deepEqual(image.volumes, ["/var/lib/sunspool"]);
      const { uid, gid } = await Deno.stat(volume);
      assert.equal(`${uid}:${gid}`, image.user);
      const { code, err } = await runContainer(root, image, {
        ...{ volume, entrypoint: ["touch"], command: ["/tmp/x", "/etc/sunspool/x", "mine"] },
      });
      assert.equal(code, 1);
      assert.equal(err.match(/Read-only file system/g)?.length, 2, err);
      assert.deepEqual([...Deno.readDirSync(volume)].map(({ name }) => name), ["mine"]);
    });

    await t.step("words after the image's name are sunspool's", async () => {
      const { code, out } = await runContainer(root, image, { volume, command: ["version"] });
      assert.deepEqual([code, out.startsWith(`sunspool ${VERSION} `)], [0, true]);
    });

    await t.step("it collects, is healthy, and ends well when it is stopped", async () => {
      const { services } = await composeFile(python);
      const neighbours = {
        simulator: services.simulator?.command ?? [],
        prometheus: [prometheus, ...services.prometheus?.command ?? []],
      };
      await collects({ root, image, volume }, { busybox, ...neighbours });
    });
  },
);

/** What containers are made of here. */
interface Made {
  readonly root: string;
  readonly image: Image;
  readonly volume: string;
}

/** What runs beside the collector. */
interface Neighbours {
  readonly simulator: readonly string[];
  readonly prometheus: readonly string[];
  readonly busybox: string;
}

/** Runs the collector as the compose file does, Kafka aside, and asks for its health. */
async function collects({ root, image, volume }: Made, neighbours: Neighbours): Promise<void> {
  const env = variablesOf(await text("sunspool.env"));
  await using collector = await startContainer(root, image, { volume, env });
  await collector.program.told(/"metrics are served","address":"127\.0\.0\.1:9090"/);
  await using _devices = await startContainer(root, image, {
    ...{ volume, network: collector, command: neighbours.simulator },
  });
  await collector.program.told(/"device (found|is back)"/);

  const health = async () => {
    await using check = collector.exec(image.healthCheck);
    return await check.end();
  };
  const well = await health();
  assert.equal(well.code, 0, well.err);
  assert.match(well.out, /^status +ok$/m);
  await isScraped(collector, neighbours);
  Deno.kill(collector.pid, "SIGSTOP");
  assert.equal((await health()).code, 1, "what is stopped is not healthy");
  Deno.kill(collector.pid, "SIGCONT");

  Deno.kill(collector.pid, "SIGTERM");
  const { code, err } = await collector.program.end();
  assert.equal(code, 0, err);
  assert.match(err, /stopped: devices 1, readings [1-9]\d*, file delivered [1-9]/);
  const files = [...Deno.readDirSync(`${volume}/readings`)].map(({ name }) => name);
  assert.match(files.join(), /\.avro$/);

  const check = await runContainer(root, image, { volume, command: ["health"], env });
  assert.equal(check.code, 1, "what does not run is not healthy");
}

/** Runs Prometheus in the collector's network until it has scraped. */
async function isScraped({ pid }: Container, { prometheus, busybox }: Neighbours): Promise<void> {
  using folder = temporaryFolder();
  const inside = { cwd: folder.path, command: ["nsenter", `--net=/proc/${pid}/ns/net`] } as const;
  const words = prometheus.map((word) => word.replace("/etc/prometheus/", FOLDER));
  await using server = start([...words, "--storage.tsdb.path=data"], inside);
  const query = "http://127.0.0.1:9091/api/v1/query?query=up";
  await eventually("Prometheus has scraped", async () => {
    await delay(500);
    const { out } = await run([busybox, "wget", "-q", "-O", "-", query], inside);
    return /"job":"sunspool"},"value":\[[\d.]+,"1"\]/.test(out);
  }, () => server.err);
}

Deno.test("every variable in the container's files is one of ours", async () => {
  const known = allSettings.map(({ env }) => env);
  const files = `${await text("sunspool.env")}${await text("compose.yaml")}`;
  const named = [...files.matchAll(/\bSUNSPEC_\w+/g)].map(([name]) => name);
  assert.ok(named.length > 10);
  assert.deepEqual(named.filter((name) => !known.includes(name)), []);
});

Deno.test("a Dockerfile with anything unknown in it is not carried out", async () => {
  const site = { base: "debian:12-slim", root: "/nowhere", context: "/nowhere", told: {} };
  for (
    const [line, why] of [
      ["ADD x /", /Cannot carry out "ADD x \/": nobody does this instruction here$/],
      ["FROM alpine", /it is not "debian:12-slim"/],
      ["FROM --platform=x debian:12-slim", /it is not/],
      ["ARG VERSION", /no builder tells it/],
      ["RUN --network=none true", /nobody does the flag "network" here/],
      ["RUN --mount=type=cache,target=/x true", /the mount/],
      ["USER sunspool", /must be numbers/],
      ["CMD collect", /not valid JSON|Unexpected token/],
    ] as const
  ) {
    await assert.rejects(carryOut(`${line}\n`, site), why);
  }
});
