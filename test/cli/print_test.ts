import assert from "node:assert/strict";
import fc from "fast-check";
import { type Format, print, renderTable } from "../../lib/cli/mod.ts";
import { renderCsv } from "../../lib/cli/print.ts";
import { assertGolden } from "../golden.ts";
import { captureIo } from "./captured_io.ts";

const table = {
  columns: ["point", "value", "unit"],
  rows: [
    ["W", "6451", "W"],
    ["St", "MPPT", ""],
    ["Mn", 'Helio "Süd", Inc.', ""],
    ["Opt", "two\nlines\u001b[31m", ""],
  ],
};
const documents = [{ id: 1, W: 6451, Opt: "two\nlines" }, { id: 2, W: null, Opt: "" }];

function printed(format: Format, isSingle: boolean, count: number, isTerminal = false): string {
  const io = captureIo({ isTerminal });
  print(io, format, { documents: documents.slice(0, count), table, isSingle });
  return io.written;
}

Deno.test("a table is aligned, and shows nothing that would steer the terminal", async () => {
  const text = printed("table", false, 2);
  await assertGolden(import.meta, "table.txt", text);
  // deno-lint-ignore no-control-regex
  assert.doesNotMatch(text.replaceAll("\n", ""), /[\u0000-\u001f]/);
  assert.ok(text.split("\n").every((line) => line === line.trimEnd()));
});

Deno.test("only on a terminal the head of a table is bold", () => {
  const plain = printed("table", false, 2);
  const [head = "", ...lines] = printed("table", false, 2, true).split("\n");
  const [plainHead, ...plainLines] = plain.split("\n");
  assert.equal(head, `\u001b[1m${plainHead}\u001b[0m`);
  assert.deepEqual(lines, plainLines);
});

Deno.test("a table without rows is its head", () => {
  assert.equal(renderTable({ columns: ["a", "bc"], rows: [] }, false), "A  BC\n");
});

Deno.test("one endless cell makes no table endless, and very many rows are a table", () => {
  const rows = Array.from(
    { length: 200_000 },
    (_, i) => [i === 0 ? "7 ".repeat(65_535) : "7", "x"],
  );
  const lines = renderTable({ columns: ["a", "b"], rows }, false).split("\n");
  assert.equal(lines.length, rows.length + 2);
  assert.ok((lines[1]?.length ?? 0) > 131_000);
  assert.ok(lines.slice(2).every((line) => line.length < 100));
});

Deno.test("csv quotes what needs it", async () => {
  await assertGolden(import.meta, "table.csv", printed("csv", false, 2));
});

/** Reads what RFC 4180 describes. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = [];
  const row: string[] = [];
  for (const [, quoted, bare, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)) {
    row.push(quoted === undefined ? bare ?? "" : quoted.replaceAll('""', '"'));
    if (end === "\r\n") rows.push(row.splice(0));
  }
  return rows;
}

Deno.test("csv comes back whole, whatever may be shown in its cells", () => {
  const text = fc.oneof(fc.string(), fc.constantFrom('"', ",", '",', "é", "a=b"));
  const cell = text.filter((text) => !/^[=+\-@]/.test(text));
  const cells = fc.array(cell, { minLength: 2, maxLength: 2 });
  fc.assert(fc.property(cells, fc.array(cells), (columns, rows) => {
    assert.deepEqual(parseCsv(renderCsv({ columns, rows })), [columns, ...rows]);
  }));
});

Deno.test("csv holds no formula, and nothing that steers a terminal", () => {
  for (
    const [cell, want] of [
      ["=1+1", "'=1+1"],
      ["@SUM(A1)", "'@SUM(A1)"],
      ["-cmd|x", "'-cmd|x"],
      ["+1+1", "'+1+1"],
      ['=HYPERLINK("x","y")', '"\'=HYPERLINK(""x"",""y"")"'],
      ["-12.5", "-12.5"],
      ["+3", "+3"],
      ["-1.5e-7", "-1.5e-7"],
      ["a\r\nb\tc\u001b[2J", "a··b·c·[2J"],
      ["\u202eabc\u2028", "·abc·"],
      ["\t=1", "·=1"],
    ] as const
  ) {
    assert.equal(renderCsv({ columns: ["a"], rows: [[cell]] }), `a\r\n${want}\r\n`);
  }
});

Deno.test("json shows nothing that steers a terminal, and means the same", () => {
  const text = "\u001b[2J\u009b31m\u202e\u2028\u200b\u007f\n é 日本 \u{1f31e}";
  for (const format of ["json", "ndjson"] as const) {
    const io = captureIo();
    print(io, format, {
      documents: [{ [text]: text }],
      table: { columns: [], rows: [] },
      isSingle: true,
    });
    assert.deepEqual(JSON.parse(io.written), { [text]: text });
    // deno-lint-ignore no-control-regex
    assert.doesNotMatch(io.written, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b\u2028\u202e]/);
    assert.match(io.written, /é 日本 \u{1f31e}/u);
  }
});

Deno.test("json is one document, or an array of them", () => {
  for (
    const [isSingle, count, want] of [
      [true, 1, documents[0]],
      [true, 2, documents],
      [true, 0, []],
      [false, 1, documents.slice(0, 1)],
      [false, 0, []],
    ] as const
  ) {
    const text = printed("json", isSingle, count);
    assert.deepEqual(JSON.parse(text), want);
    assert.ok(text.endsWith("\n"));
  }
});

Deno.test("ndjson is one document a line", () => {
  const lines = printed("ndjson", true, 2).split("\n");
  assert.equal(lines.pop(), "");
  assert.deepEqual(lines.map((line) => JSON.parse(line)), documents);
  assert.equal(printed("ndjson", true, 0), "");
});
