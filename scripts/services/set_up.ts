import { messageOf } from "../../lib/core/errors.ts";
import { cacheFolder } from "./cache.ts";
import { hasDebianRoot, makeDebianRoot } from "./debian_root.ts";
import { fetchKafkaJars, hasKafkaJars, KAFKA_VERSION } from "./kafka_jars.ts";
import { fetchPrometheus, hasPrometheus } from "./prometheus_programs.ts";
import { hasPythonPackages, makePythonVenv } from "./python_packages.ts";
import { runOrThrow } from "./run.ts";
import { absentPackages, canInstallPackages, findTools, type Tools } from "./tools.ts";

/**
 * Installs and fetches what is absent, as far as this machine lets it, and gives what is there
 * then. What cannot be had is told on standard error and left out; at once when nothing is absent.
 */
export async function setUp(): Promise<Tools> {
  const tools = await findTools();
  if (Object.values(tools).every((tool) => "path" in tool)) return tools;

  await attempt(`use the folder "${cacheFolder()}"`, fetchIntoCache);
  return await findTools();
}

async function fetchIntoCache(): Promise<void> {
  await Deno.mkdir(cacheFolder(), { recursive: true });
  // Two test runs may start at once; the second waits and then finds everything there.
  using file = await Deno.open(`${cacheFolder()}/lock`, { create: true, write: true });
  await file.lock(true);

  if (await canInstallPackages()) {
    const absent = await absentPackages();
    if (absent.length > 0 || !await hasPrometheus()) await refreshPackages();
    await installPackages(absent);
  }
  if (!await hasKafkaJars()) await attempt(`fetch Kafka ${KAFKA_VERSION}`, fetchKafkaJars);
  if (!await hasDebianRoot() && await canInstallPackages()) {
    await attempt("make a Debian root folder", makeDebianRoot);
  }
  if (!await hasPrometheus()) await attempt("fetch Prometheus", fetchPrometheus);
  if (!await hasPythonPackages()) await attempt("fetch Python packages", makePythonVenv);
}

async function refreshPackages(): Promise<void> {
  await attempt("refresh the list of Debian packages", () => aptGet("update"));
}

async function installPackages(packages: readonly string[]): Promise<void> {
  for (const name of packages) {
    await attempt(`install "${name}"`, () => aptGet("install", "--no-install-recommends", name));
  }
}

async function aptGet(...args: readonly string[]): Promise<void> {
  const words = ["DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "-y", ...args];
  await runOrThrow("env", words, { timeoutMs: 600_000 });
}

/** Says what it does; a failure is told and forgiven, for a laptop need not have everything. */
async function attempt(task: string, work: () => Promise<void>): Promise<void> {
  say(`setup: ${task}`);
  try {
    await work();
  } catch (error) {
    say(`setup: Cannot ${task}: ${messageOf(error)}`);
  }
}

function say(line: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`));
}
