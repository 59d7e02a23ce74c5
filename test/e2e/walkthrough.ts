import assert from "node:assert/strict";

/** A command of a document, and what the document shows of what it says. */
export interface Shown {
  readonly command: string;
  readonly lines: readonly string[];
}

/** The commands of all console blocks: each begins with `$ `, what it says follows. */
export function shownIn(markdown: string): Shown[] {
  const blocks = [...markdown.matchAll(/```console\n([^]*?)```/g)].map(([, text = ""]) => text);
  return blocks.flatMap((block) => block.split(/^\$ /m).slice(1)).map((text) => {
    const [command = "", ...lines] = text.trimEnd().split("\n");
    return { command, lines };
  });
}

/**
 * Compares what was said with what is shown, whatever the figures are; a line `…` stands for any
 * number of lines.
 */
export function assertAsShown({ command, lines }: Shown, said: string): void {
  const wanted = lines.map(withoutFigures);
  const got = said.trimEnd().split("\n").map(withoutFigures);
  if (wanted.length === 1 && wanted[0] === "…") return;
  assert.deepEqual(got, lines.length === 0 ? [""] : wanted, command);
}

/** Columns are as wide as their figures; whether the clock is right is the machine's affair. */
function withoutFigures(line: string): string {
  return line.replace(/^ok +clock: .*/, "ok clock").replaceAll(/sunspool-[0-9a-f]{8}/g, "ID")
    .replaceAll(/-?\d+(\.\d+)*/g, "0").replaceAll(/ +/g, " ").trimEnd();
}
