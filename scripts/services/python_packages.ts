import { createHash } from "node:crypto";
import { cacheFolder, textOf } from "./cache.ts";
import { findCommand, run, runOrThrow } from "./run.ts";

/**
 * Other people's implementations to compare ours with (fastavro needs cramjam for zstd), and what
 * docs/consumers.md and docs/container/ are tried with.
 */
const PACKAGES = [
  "pysunspec2==1.3.7",
  "fastavro==1.13.1",
  "pymodbus==3.16.1",
  "cramjam==2.14.0",
  "confluent-kafka==2.16.1",
  "duckdb==2.0.1",
  "pyyaml==6.0.4",
];

const REQUIREMENTS = `${PACKAGES.join("\n")}\n`;

/** The Python that has the packages, whether or not it has been made. */
export function pythonPath(): string {
  return `${venv()}/bin/python`;
}

/** Whether that Python is there with these very packages. */
export async function hasPythonPackages(): Promise<boolean> {
  if (await textOf(installed()) !== REQUIREMENTS) return false;
  try {
    return (await Deno.stat(pythonPath())).isFile;
  } catch {
    return false; // the Python it was made from is gone
  }
}

/** Whether the `python3` on the PATH can make a virtual environment. */
export async function hasVenv(): Promise<boolean> {
  if (await findCommand("python3") === undefined) return false;
  return (await run("python3", ["-c", "import ensurepip, venv"])).code === 0;
}

/** Makes the virtual environment anew. */
export async function makePythonVenv(): Promise<void> {
  await runOrThrow("python3", ["-m", "venv", "--clear", venv()]);
  const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...PACKAGES];
  await runOrThrow(pythonPath(), pip, { timeoutMs: 600_000 });
  await Deno.writeTextFile(installed(), REQUIREMENTS);
}

/** Named after the packages: checkouts with other ones each keep theirs. */
function venv(): string {
  const digest = createHash("sha256").update(REQUIREMENTS).digest("hex");
  return `${cacheFolder()}/python-${digest.slice(0, 8)}`;
}

/** Written last: it says that all before it went well. */
function installed(): string {
  return `${venv()}/requirements.txt`;
}
