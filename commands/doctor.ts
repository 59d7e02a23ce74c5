import { defineCommand } from "../lib/cli/define.ts";
import { ExitCode, print } from "../lib/cli/mod.ts";
import { object } from "../lib/cli/word_groups.ts";
import { examine, examineProgram } from "../lib/compose/doctor/mod.ts";
import { configOf, configOptions, formatOptions } from "../lib/compose/options.ts";
import type { Config } from "../lib/config/mod.ts";
import { ConfigError, type Finding } from "../lib/core/mod.ts";
import { printableLines } from "../lib/printable.ts";

/** `sunspool doctor`. */
export const command = defineCommand({
  name: "doctor",
  summary: "Check configuration, clock, buffer, devices and outputs, and say what to do",
  description:
    "Looks at everything that collecting rests on, step by step, and delivers nothing. Exit code 0 when " +
    "there is no fault, 3 when there are some, 1 when no device or no output would work.",
  examples: [
    ["sunspool doctor --config site.toml", "before it collects"],
    ["sudo -u sunspool sunspool doctor", "as the service will: what its user may do counts"],
    ["sunspool doctor --json", "for a script or a ticket"],
  ],
  needs: { net: "always", read: "always", write: "always", sys: "always" },
  opensDevices: true,
  parser: object({ format: formatOptions, config: configOptions }),
  async run({ format, config: flags }, io) {
    const findings: Finding[] = [];
    for await (const finding of examineAll(() => configOf(flags, io))) {
      findings.push(finding);
      if (format === "table") io.out(line(finding));
    }
    if (format !== "table") {
      const documents = findings.map(({ subject, state, text, advice }) => ({
        subject,
        state,
        text,
        advice: advice ?? null,
      }));
      const rows = documents.map((row) => Object.values(row).map((cell) => cell ?? ""));
      const columns = ["subject", "state", "text", "advice"];
      print(io, format, { documents, table: { columns, rows }, isSingle: false });
    }
    return verdict(findings);
  },
});

/** A configuration that cannot be used is a finding too, and the last one. */
async function* examineAll(load: () => Config): AsyncGenerator<Finding> {
  yield examineProgram();
  let config: Config;
  try {
    config = load();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const advice = "see: sunspool config schema, and docs/configuration.md";
    return yield { subject: "configuration", state: "fault", text: error.message, advice };
  }
  yield* examine(config, new AbortController().signal);
}

const MARKS = { ok: "ok  ", warning: "WARN", fault: "FAIL" } as const;

function line({ subject, state, text, advice }: Finding): string {
  const told = `${MARKS[state]}  ${subject}: ${text}\n`;
  return printableLines(advice === undefined ? told : `${told}      → ${advice}\n`);
}

/** Nothing can be collected when no device works, or no output. */
function verdict(findings: readonly Finding[]): number {
  if (findings.every(({ state }) => state !== "fault")) return ExitCode.done;
  const works = (prefix: string) =>
    findings.some(({ subject, state }) => subject.startsWith(prefix) && state !== "fault");
  return works("device") && works("output") && works("buffer") ? ExitCode.partly : ExitCode.failed;
}
