import { defineCommand } from "../lib/cli/define.ts";
import { print } from "../lib/cli/mod.ts";
import { formatOptions } from "../lib/cli/format_options.ts";
import { object } from "../lib/cli/word_groups.ts";
import { VERSION } from "../lib/version.ts";

/** `sunspool version`. */
export const command = defineCommand({
  name: "version",
  summary: "Print the version, and what it is built on",
  description: "Prints the version of sunspool, of Deno and of the machine it is built for.",
  examples: [["sunspool version --json", "for scripts"]],
  needs: {},
  parser: object({ format: formatOptions }),
  run({ format }, io) {
    const { os, arch } = Deno.build;
    const facts = { sunspool: VERSION, deno: Deno.version.deno, os, arch };
    if (format === "table") io.out(`sunspool ${VERSION} (deno ${facts.deno}, ${os} ${arch})\n`);
    else {
      const table = { columns: Object.keys(facts), rows: [Object.values(facts)] };
      print(io, format, { documents: [facts], table, isSingle: true });
    }
    return Promise.resolve();
  },
});
