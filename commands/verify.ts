import { defineCommand } from "../lib/cli/define.ts";
import { ExitCode, print } from "../lib/cli/mod.ts";
import { path, say, string, timeValue, value } from "../lib/cli/values.ts";
import { merge, object } from "../lib/cli/word_groups.ts";
import { argument, multiple, option, optional } from "../lib/cli/words.ts";
import { configOf, configOptions, formatOptions } from "../lib/compose/options.ts";
import type { Finding } from "../lib/compose/proof.ts";
import { proveFiles, proveTopic } from "../lib/compose/proving.ts";
import { stopSignals } from "../lib/signals.ts";
import { NotFoundError, UsageError } from "../lib/core/mod.ts";
import { hasBrokers } from "../lib/outputs/kafka/settings.ts";
import { topic as topicSetting } from "../lib/outputs/mod.ts";
import { printable } from "../lib/printable.ts";

const topicValue = value("TOPIC", "sunspec.telemetry", (text) => topicSetting.parse(text));

/** `sunspool verify`. */
export const command = defineCommand({
  name: "verify",
  summary: "Prove that a topic, or files, hold every position once and in order",
  description:
    "Reads a topic from its beginning to its present end, committed records only, and proves for " +
    "each collector and epoch that no position is missing but those that gap records tell of, that " +
    "none is there twice, and that they stand in order. With files or folders it proves the same of " +
    "container files. Exit code 0 says proven, 1 not proven.",
  examples: [
    ["sunspool verify --config sunspool.toml", "the topic that collect delivers to"],
    [
      "sunspool verify --topic sunspec.telemetry --set kafka.brokers=broker:9092 --json",
      "any topic, for scripts",
    ],
    ["sunspool verify readings/", "the files of the file output"],
  ],
  needs: { net: "always", read: "always" },
  parser: merge(
    object({
      paths: multiple(
        argument(path({ metavar: "PATH" }), {
          description: say("Container files or folders of them; a topic when left out"),
        }),
      ),
      topic: optional(
        option("--topic", topicValue, {
          description: say("The topic; kafka.topic when left out"),
        }),
      ),
      collector: optional(
        option("--collector", string({ metavar: "ID" }), {
          description: say("Look at this collector only"),
        }),
      ),
      from: optional(
        option("--from", timeValue, {
          description: say("Leave out what was delivered before, as 2026-11-25T06:00:00Z"),
        }),
      ),
      format: formatOptions,
    }),
    configOptions,
  ),
  async run({ paths, topic, collector, from, format, ...flags }, io) {
    const { stopping, first } = stopSignals();
    const config = configOf(flags, io);
    if (paths.length === 0 && !hasBrokers(config.get)) {
      throw new UsageError(
        "Missing PATH, or kafka.brokers: name files, a folder, or a configuration with brokers\n" +
          "try: sunspool verify --help",
      );
    }
    const which = { collector, since: from, signal: stopping };
    try {
      const { proof, remarks } = paths.length > 0
        ? await proveFiles(paths, io, which)
        : await proveTopic(config.get, io, { ...which, topic: topic ?? config.get(topicSetting) });
      const findings = proof.findings();
      if (findings.length === 0) throw new NotFoundError(nothing(collector));
      print(io, format, {
        documents: findings.map(documentOf),
        table: tableOf(findings),
        isSingle: false,
      });
      for (const remark of [...remarks, ...findings.flatMap(remarksOn)]) {
        io.err(`${printable(remark)}\n`);
      }
      const isProven = findings.every(({ verdict }) => verdict === "proven");
      io.err(`${isProven ? "proven" : "not proven"}: ${summary(findings)}\n`);
      return isProven ? ExitCode.done : ExitCode.failed;
    } catch (error) {
      if (!stopping.aborted) throw error;
      return await first === "SIGINT" ? ExitCode.interrupted : ExitCode.terminated;
    }
  },
});

function nothing(collector: string | undefined): string {
  const whose = collector === undefined ? "" : ` of collector "${collector}"`;
  return `Cannot prove anything: there are no records${whose}`;
}

function summary(findings: readonly Finding[]): string {
  const sum = (of: (finding: Finding) => number) =>
    findings.reduce((total, finding) => total + of(finding), 0);
  const collectors = new Set(findings.map(({ collector }) => collector)).size;
  const whose = collectors === 1 ? "1 collector" : `${collectors} collectors`;
  return `${sum(({ count }) => count)} records of ${whose}, ` +
    `${sum(({ holes }) => holes)} missing, ${sum(({ doubles }) => doubles)} twice, ` +
    `${sum(({ outOfOrder }) => outOfOrder)} out of order`;
}

/** What the figures alone do not say. */
function remarksOn(finding: Finding): string[] {
  const { collector, epoch, first, holes, holesAt, doubles, doublesAt } = finding;
  const whose = `collector "${collector}" epoch ${epoch}`;
  const list = (texts: readonly string[], isAll: boolean) => texts.join(", ") + (isAll ? "" : " …");
  const shown = holesAt.reduce((sum, hole) => sum + hole.last - hole.first + 1, 0);
  const spans = holesAt.map((hole) =>
    hole.first === hole.last ? `${hole.first}` : `${hole.first}–${hole.last}`
  );
  return [
    ...first > 1 ? [`${whose} begins at ${first}: what is before is not here, and no hole`] : [],
    ...holes > 0 ? [`${whose} lacks ${list(spans, shown === holes)}`] : [],
    ...doubles > 0
      ? [`${whose} has twice ${list(doublesAt.map(String), doublesAt.length === doubles)}`]
      : [],
  ];
}

function documentOf({ outOfOrder, holesAt, doublesAt, ...finding }: Finding) {
  return {
    ...finding,
    out_of_order: outOfOrder,
    holes_at: holesAt.map(({ first, last }) => [first, last]),
    doubles_at: [...doublesAt],
  };
}

function tableOf(findings: readonly Finding[]) {
  return {
    columns: [
      ...["collector", "epoch", "first", "last", "count", "holes", "doubles", "out_of_order"],
      ...["gaps", "verdict"],
    ],
    rows: findings.map((finding) => [
      finding.collector,
      ...[finding.epoch, finding.first, finding.last, finding.count, finding.holes].map(String),
      ...[finding.doubles, finding.outOfOrder, finding.gaps].map(String),
      finding.verdict,
    ]),
  };
}
