import { cacheFolder, removeFolder } from "./cache.ts";
import { findCommand, runOrThrow } from "./run.ts";

/** What the Debian package has that tests need: the server, and what checks rules and metrics. */
export type PrometheusProgram = "prometheus" | "promtool";

const PROGRAMS: readonly PrometheusProgram[] = ["prometheus", "promtool"];

/** Where a program of Prometheus is: on the PATH, else where it was unpacked. */
export async function findPrometheus(name: PrometheusProgram): Promise<string | undefined> {
  return await findCommand(name) ?? await findCommand(name, folder());
}

/** Whether both are there. */
export async function hasPrometheus(): Promise<boolean> {
  const paths = await Promise.all(PROGRAMS.map((name) => findPrometheus(name)));
  return paths.every((path) => path !== undefined);
}

/** Unpacks the programs alone: the package, once installed, would start a server of its own. */
export async function fetchPrometheus(): Promise<void> {
  const fresh = `${folder()}.new`;
  await removeFolder(fresh);
  await Deno.mkdir(fresh, { recursive: true });
  const script = 'cd "$1" && apt-get -qq download prometheus && ' +
    "dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x --strip-components=3 ./usr/bin && " +
    "rm prometheus_*.deb";
  await runOrThrow("sh", ["-ec", script, "sh", fresh], { timeoutMs: 600_000 });
  await removeFolder(folder());
  await Deno.rename(fresh, folder());
}

function folder(): string {
  return `${cacheFolder()}/prometheus`;
}
