import type { DocPage } from "@optique/core/doc";
import { formatMessage, type Message } from "@optique/core/message";
import { formatUsage, formatUsageTerm } from "@optique/core/usage";

/** What a command takes, in plain text: for manual pages and documents. */
export interface Manual {
  /** `sunspool read [--raw] … ENDPOINT` */
  readonly usage: string;
  /** In the order of the help page; the first one has no title. */
  readonly sections: readonly ManualSection[];
}

/** Options and arguments that belong together. */
export interface ManualSection {
  /** Empty = the command's own. */
  readonly title: string;
  /** In the order of the help page. */
  readonly entries: readonly ManualEntry[];
}

/** One option or argument. */
export interface ManualEntry {
  /** `--format, -f FORMAT` */
  readonly term: string;
  /** What it does, its default and its choices. */
  readonly text: string;
}

/** The plain text of what the parser says of itself. */
export function manualOf(name: string, page: DocPage | undefined): Manual {
  const sections = (page?.sections ?? []).map(({ title, entries }) => ({
    title: title ?? "",
    entries: entries.map((entry) => ({
      term: formatUsageTerm(entry.term),
      text: [plain(entry.description), fallback(entry.default), choices(entry.choices)]
        .filter((text) => text !== "").join("; "),
    })),
  })).filter(({ entries }) => entries.length > 0);
  return {
    usage: page?.usage ? formatUsage(`sunspool ${name}`, page.usage) : `sunspool ${name}`,
    sections: [
      ...sections.filter(({ title }) => title === ""),
      ...sections.filter(({ title }) => title !== ""),
    ],
  };
}

function fallback(value: Message | undefined): string {
  return value ? `default: ${plain(value)}` : "";
}

function choices(value: Message | undefined): string {
  return value ? `one of ${plain(value)}` : "";
}

function plain(message: Message | undefined): string {
  return message ? formatMessage(message, { quotes: false }) : "";
}
