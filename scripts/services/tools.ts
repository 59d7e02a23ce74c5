import { debianRoot, hasDebianRoot } from "./debian_root.ts";
import { hasJava, hasKafkaJars, KAFKA_VERSION, kafkaJars } from "./kafka_jars.ts";
import { findPrometheus, type PrometheusProgram } from "./prometheus_programs.ts";
import { hasPythonPackages, hasVenv, pythonPath } from "./python_packages.ts";
import { findCommand } from "./run.ts";

/** A program that some test needs and that Deno does not bring. */
export type ToolName =
  | "busybox"
  | "cc"
  | "debian"
  | "faketime"
  | "kafka"
  | "kcat"
  | "mbpoll"
  | "openssl"
  | "prometheus"
  | "promtool"
  | "python"
  | "qemu"
  | "socat"
  | "systemd-analyze";

/** A tool that is there: `path` is the program; of Kafka the folder of its jars, of faketime its library. */
export interface FoundTool {
  readonly path: string;
}

/** A tool that is not there, why, and a command that would change that. */
export interface MissingTool {
  readonly missing: string;
  readonly enable: string;
}

/** Every tool, there or not. */
export type Tools = Readonly<Record<ToolName, FoundTool | MissingTool>>;

/** Says which tools are there. Installs nothing. */
export async function findTools(): Promise<Tools> {
  // All are looked for at once.
  const found = {
    busybox: findProgram("busybox", "busybox-static"),
    cc: findProgram("cc", "gcc", "libc6-dev"),
    debian: findDebianRoot(),
    faketime: findFaketime(),
    kafka: findKafka(),
    kcat: findProgram("kcat"),
    mbpoll: findProgram("mbpoll"),
    openssl: findProgram("openssl"),
    prometheus: findOfPrometheus("prometheus"),
    promtool: findOfPrometheus("promtool"),
    python: findPython(),
    qemu: findProgram("qemu-aarch64-static", ...ARM64_PACKAGES),
    socat: findProgram("socat"),
    analyze: findProgram("systemd-analyze", "systemd"),
  };
  return {
    busybox: await found.busybox,
    cc: await found.cc,
    debian: await found.debian,
    faketime: await found.faketime,
    kafka: await found.kafka,
    kcat: await found.kcat,
    mbpoll: await found.mbpoll,
    openssl: await found.openssl,
    prometheus: await found.prometheus,
    promtool: await found.promtool,
    python: await found.python,
    qemu: await found.qemu,
    socat: await found.socat,
    "systemd-analyze": await found.analyze,
  };
}

/** Debian packages that the tools need and that are absent. */
export async function absentPackages(): Promise<string[]> {
  const absent: string[] = [];
  for (const [name, isThere] of DEBIAN_PACKAGES) {
    if (!await isThere()) absent.push(name);
  }
  return absent;
}

/** Whether this process may install Debian packages. */
export async function canInstallPackages(): Promise<boolean> {
  return Deno.uid() === 0 && await findCommand("apt-get") !== undefined;
}

/** An emulator, and the libraries that programs in it need. */
const ARM64_PACKAGES = ["qemu-user-static", "libc6-arm64-cross", "libgcc-s1-arm64-cross"];
const ARM64_LIBRARIES = "/usr/aarch64-linux-gnu/lib";

const DEBIAN_PACKAGES: readonly (readonly [string, () => Promise<boolean>])[] = [
  ["gcc", () => hasCommand("cc")],
  ["libc6-dev", hasHeaders],
  ["faketime", async () => await exists(FAKETIME)],
  ["debootstrap", async () => await hasDebianRoot() || await hasCommand("debootstrap")],
  ["kcat", () => hasCommand("kcat")],
  ["mbpoll", () => hasCommand("mbpoll")],
  ["openssl", () => hasCommand("openssl")],
  ["socat", () => hasCommand("socat")],
  ["systemd", () => hasCommand("systemd-analyze")],
  ["openjdk-17-jre-headless", hasJava],
  ["maven", async () => await hasKafkaJars() || await hasCommand("mvn")],
  ["busybox-static", () => hasCommand("busybox")],
  ["qemu-user-static", () => hasCommand("qemu-aarch64-static")],
  ["libc6-arm64-cross", () => exists(`${ARM64_LIBRARIES}/libc.so.6`)],
  ["libgcc-s1-arm64-cross", () => exists(`${ARM64_LIBRARIES}/libgcc_s.so.1`)],
  ["python3-venv", async () => await hasPythonPackages() || await hasVenv()],
];

/** Debian's library for programs with threads. */
const FAKETIME = `/usr/lib/${Deno.build.arch}-linux-gnu/faketime/libfaketimeMT.so.1`;

const SET_UP = "deno run -A scripts/services.ts setup";

async function findDebianRoot(): Promise<FoundTool | MissingTool> {
  if (await hasDebianRoot()) return { path: debianRoot() };
  if (Deno.uid() !== 0) return { missing: "a Debian root folder is made by root", enable: SET_UP };
  if (!await hasCommand("debootstrap")) return await absent("no debootstrap", "debootstrap");
  return { missing: "the Debian root folder has not been made", enable: SET_UP };
}

async function findFaketime(): Promise<FoundTool | MissingTool> {
  return await exists(FAKETIME) ? { path: FAKETIME } : await absent("no faketime", "faketime");
}

async function findKafka(): Promise<FoundTool | MissingTool> {
  const name = `Kafka ${KAFKA_VERSION}`;
  if (!await hasJava()) {
    return await absent(`no Java 17 for ${name}`, "openjdk-17-jre-headless", "maven", "openssl");
  }
  if (!await hasCommand("openssl")) return await absent(`no openssl for ${name}`, "openssl");
  if (await hasKafkaJars()) return { path: kafkaJars() };
  if (!await hasCommand("mvn")) return await absent(`no Maven to fetch ${name}`, "maven");
  return { missing: `${name} has not been fetched`, enable: SET_UP };
}

async function findOfPrometheus(name: PrometheusProgram): Promise<FoundTool | MissingTool> {
  const path = await findPrometheus(name);
  if (path !== undefined) return { path };
  if (await hasCommand("apt-get")) return { missing: `no ${name}`, enable: SET_UP };
  return { missing: `no ${name}`, enable: "install Prometheus" };
}

async function findPython(): Promise<FoundTool | MissingTool> {
  if (await hasPythonPackages()) return { path: pythonPath() };
  if (!await hasVenv()) return await absent("no Python 3 with venv", "python3-venv");
  return { missing: "the Python packages have not been fetched", enable: SET_UP };
}

/** @param packages those that bring it; its own name by default */
async function findProgram(
  name: string,
  ...packages: readonly string[]
): Promise<FoundTool | MissingTool> {
  const path = await findCommand(name);
  if (path !== undefined) return { path };
  return await absent(`no ${name}`, ...(packages.length > 0 ? packages : [name]));
}

async function absent(missing: string, ...packages: readonly string[]): Promise<MissingTool> {
  if (await canInstallPackages()) return { missing, enable: SET_UP };
  return { missing, enable: `sudo apt-get install -y ${packages.join(" ")} && ${SET_UP}` };
}

/** gcc alone cannot compile a C file that includes anything. */
async function hasHeaders(): Promise<boolean> {
  try {
    return (await Deno.stat("/usr/include/stdio.h")).isFile;
  } catch {
    return false;
  }
}

async function hasCommand(name: string): Promise<boolean> {
  return await findCommand(name) !== undefined;
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
