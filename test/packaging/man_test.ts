import assert from "node:assert/strict";
import { commands } from "../../commands/mod.ts";
import { commandPage, overviewPage } from "../../scripts/build/man.ts";

Deno.test("every command has a manual page with its options, examples and exit codes", async () => {
  for (const entry of commands) {
    const command = await entry.load();
    const page = await commandPage(command);
    assert.ok(page.startsWith(`.TH SUNSPOOL-${entry.name.toUpperCase()} 1 `), page);
    for (const section of ["NAME", "SYNOPSIS", "DESCRIPTION", "EXAMPLES", "EXIT STATUS"]) {
      assert.ok(page.includes(`\n.SH ${section}\n`), `${entry.name}: ${section}`);
    }
    for (const { entries } of (await command.manual()).sections) {
      for (const { term } of entries) {
        assert.ok(page.includes(`.B ${term.replaceAll("-", "\\-")}\n`), `${entry.name}: ${term}`);
      }
    }
  }
});

Deno.test("the manual's first page names every command", () => {
  const page = overviewPage(commands);
  for (const { name } of commands) {
    assert.ok(page.includes(`.BR sunspool-${name.replaceAll("-", "\\-")} (1)`), name);
  }
});

Deno.test("no line of a manual page is taken for a request that it is not", async () => {
  for (const entry of commands) {
    const lines = (await commandPage(await entry.load())).split("\n");
    const requests = lines.filter((line) => /^[.']/.test(line)).map((line) => line.split(" ")[0]);
    assert.deepEqual([...new Set(requests)].sort(), [".B", ".BR", ".SH", ".TH", ".TP"]);
  }
});
