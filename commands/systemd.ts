import { defineCommand } from "../lib/cli/define.ts";
import type { Io } from "../lib/cli/mod.ts";
import { choice, path, say, string, value } from "../lib/cli/values.ts";
import { object } from "../lib/cli/word_groups.ts";
import { argument, flag, option, optional, withDefault } from "../lib/cli/words.ts";
import { NotFoundError, RefusedError, UsageError } from "../lib/core/mod.ts";
import { installFiles, type InstallOptions, uninstallFiles } from "../lib/service_install.ts";
import { type ServiceFile, serviceFiles } from "../lib/service_units.ts";

/** A path that needs no quotes in a unit, and says the same to everybody. */
const programValue = value("PATH", "/usr/local/bin/sunspool", (text) => {
  if (/^\/[\w./+-]+$/.test(text)) return text;
  throw new UsageError(`Cannot use "${text}": write a path from the root, without blanks`);
});

/** Loosens the service: only for whoever asks for it. */
const ON_REQUEST = "serial.conf";

/** `sunspool systemd`. */
export const command = defineCommand({
  name: "systemd",
  summary: "Print, install or uninstall the units that run it as a service",
  description:
    "A hardened unit for collect, services and timers for poll and drain, its user and its folders. " +
    "print shows them, each behind a comment with its place; install puts them there and starts nothing; " +
    "uninstall removes what install wrote. A NAME picks one of them; serial.conf, for machines with " +
    "devices on a serial port, is installed by name only. What somebody changed is left alone.",
  examples: [
    ["sunspool systemd print", "all of them"],
    ["sunspool systemd install", "as root; says what to run next"],
    ["sunspool systemd install serial.conf", "let the service open serial ports"],
    ["sunspool systemd install --root /mnt/image", "into the image of another machine"],
    ["sunspool systemd uninstall", "once they are disabled"],
  ],
  needs: { read: "always", write: "always" },
  parser: object({
    action: argument(choice(["print", "install", "uninstall"], { metavar: "ACTION" }), {
      description: say("print, install or uninstall"),
      errors: { endOfInput: say("Missing ACTION: print, install or uninstall") },
    }),
    file: optional(argument(string({ metavar: "NAME" }), { description: say("One of them") })),
    program: withDefault(
      option("--program", programValue, {
        description: say("Where sunspool is on that machine"),
      }),
      "/usr/local/bin/sunspool",
    ),
    root: optional(
      option("--root", path({ metavar: "DIR" }), {
        description: say("Install below this folder, the root of another machine"),
      }),
    ),
    force: flag("--force", {
      description: say("Replace or remove also what somebody changed"),
    }),
  }),
  async run({ action, file, program, root, force }, io) {
    const files = wantedOf(serviceFiles(program), file);
    if (action === "print") {
      io.giveUp(["read", "write"]);
      print(files, file !== undefined, io);
      return;
    }
    if (root === undefined && !io.isRoot) {
      throw new RefusedError(
        `Cannot ${action}: it takes root, as in: sudo sunspool systemd ${action}; or --root DIR`,
      );
    }
    const options = { root: root?.replace(/\/+$/, "") ?? "", force };
    if (action === "uninstall") await uninstall(files, options, io);
    else await install(file === undefined ? usual(files) : files, program, options, io);
  },
});

function wantedOf(files: readonly ServiceFile[], name: string | undefined) {
  if (name === undefined) return files;
  const wanted = files.filter((file) => file.name === name);
  if (wanted.length > 0) return wanted;
  const names = files.map(({ name }) => name).join(", ");
  throw new NotFoundError(`There is no file "${name}"; there are ${names}`);
}

function usual(files: readonly ServiceFile[]): readonly ServiceFile[] {
  return files.filter(({ name }) => name !== ON_REQUEST);
}

function print(files: readonly ServiceFile[], isAlone: boolean, io: Io): void {
  io.out(files.map(({ path, text }) => isAlone ? text : `# ${path}\n${text}`).join("\n"));
}

async function install(
  files: readonly ServiceFile[],
  program: string,
  options: InstallOptions,
  io: Io,
): Promise<void> {
  const { root } = options;
  const written = await installFiles(files, options);
  const same = files.map(({ path }) => root + path).filter((path) => !written.includes(path));
  for (const path of written) io.out(`wrote ${path}\n`);
  for (const path of same) io.out(`unchanged ${path}\n`);
  const isThere = await Deno.stat(root + program).then(({ isFile }) => isFile, () => false);
  if (!isThere) io.err(`warning: "${root + program}" is not there; the units start it\n`);
  io.err(root === "" ? NEXT : nextIn(root));
}

const NEXT = `next: systemd-sysusers && systemd-tmpfiles --create && systemctl daemon-reload
write /etc/sunspool/config.toml, then: systemd-tmpfiles --create && systemctl enable --now sunspool
or without a collector, each minute: systemctl enable --now sunspool-poll.timer sunspool-drain.timer
`;

function nextIn(root: string): string {
  return `next: write ${root}/etc/sunspool/config.toml, then: systemctl --root=${root} enable sunspool
`;
}

async function uninstall(files: readonly ServiceFile[], options: InstallOptions, io: Io) {
  const removed = await uninstallFiles(files, options);
  for (const path of removed) io.out(`removed ${path}\n`);
  if (options.root !== "") return;
  io.err(`next: systemctl daemon-reload
configuration, readings, cache and user are left: rm -rf /etc/sunspool /var/lib/sunspool \\
  /var/cache/sunspool; userdel sunspool
`);
}
