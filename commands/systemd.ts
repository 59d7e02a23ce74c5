import { object } from "@optique/core/constructs";
import { optional, withDefault } from "@optique/core/modifiers";
import { argument, option } from "@optique/core/primitives";
import { choice, string } from "@optique/core/valueparser";
import { defineCommand } from "../lib/cli/define.ts";
import { say, value } from "../lib/cli/values.ts";
import { NotFoundError, UsageError } from "../lib/core/mod.ts";
import { serviceFiles } from "../lib/service_units.ts";

/** A path that needs no quotes in a unit, and says the same to everybody. */
const programValue = value("PATH", "/usr/local/bin/sunspool", (text) => {
  if (/^\/[\w./+-]+$/.test(text)) return text;
  throw new UsageError(`Cannot use "${text}": write a path from the root, without blanks`);
});

/** `sunspool systemd`. */
export const command = defineCommand({
  name: "systemd",
  summary: "Print the units that run it as a service",
  description:
    "Prints a hardened unit for collect, services and timers for poll and drain, its user and its " +
    "folders, each behind a comment with its place; or one of them alone, by name. serial.conf is for " +
    "machines with devices on a serial port only.",
  examples: [
    ["sunspool systemd print", "all of them"],
    [
      "sunspool systemd print sunspool.service > /etc/systemd/system/sunspool.service",
      "one of them, in its place",
    ],
  ],
  needs: {},
  parser: object({
    action: argument(choice(["print"], { metavar: "ACTION" }), {
      description: say("print"),
      errors: { endOfInput: say("Missing ACTION: print") },
    }),
    file: optional(argument(string({ metavar: "NAME" }), { description: say("One of them") })),
    program: withDefault(
      option("--program", programValue, {
        description: say("Where sunspool is on that machine"),
      }),
      "/usr/local/bin/sunspool",
    ),
  }),
  run({ file, program }, io) {
    const files = serviceFiles(program);
    const wanted = files.find(({ name }) => name === file);
    if (file !== undefined && !wanted) {
      const names = files.map(({ name }) => name).join(", ");
      throw new NotFoundError(`There is no file "${file}"; there are ${names}`);
    }
    io.out(wanted?.text ?? files.map(({ path, text }) => `# ${path}\n${text}`).join("\n"));
    return Promise.resolve();
  },
});
