import { crc32cOfText } from "../crc32c.ts";
import type { Sql } from "./sql.ts";

/** Which of the sealed values are not those that were written. */
export interface BrokenSeals {
  /** Whose the file is, or its epoch. */
  readonly identity: boolean;
  /** How far each output is. */
  readonly positions: boolean;
}

/** Keeps checksums of the few values that everything else hangs on. Within their transaction. */
export function seal(sql: Sql): void {
  const { identity, positions } = contents(sql);
  sql.run(
    "INSERT INTO meta VALUES('seal', ?) ON CONFLICT(key) DO UPDATE SET value = excluded.value",
    `${identity} ${positions}`,
  );
}

/** Holds the values against their checksums; a file of before there were seals has none. */
export function brokenSeals(sql: Sql): BrokenSeals {
  const { sealed, identity, positions } = contents(sql);
  if (sealed === undefined) return { identity: false, positions: false };
  const [first, second] = sealed.split(" ");
  return { identity: first !== String(identity), positions: second !== String(positions) };
}

/** Everything in one statement: others may be writing. */
function contents(sql: Sql) {
  const rows = sql.all(
    "SELECT 'meta' AS part, key AS name, value FROM meta " +
      "WHERE key IN ('collector', 'epoch', 'seal') " +
      "UNION ALL SELECT 'output', output, CAST(position AS TEXT) FROM output_cursor ORDER BY name",
  ).map((row) => [String(row.part), String(row.name), String(row.value)] as const);
  const isSeal = ([part, name]: readonly string[]) => part === "meta" && name === "seal";
  return {
    sealed: rows.find(isSeal)?.[2],
    identity: checksum(rows.filter((row) => row[0] === "meta" && !isSeal(row))),
    positions: checksum(rows.filter(([part]) => part === "output")),
  };
}

function checksum(rows: readonly (readonly string[])[]): number {
  return crc32cOfText(JSON.stringify(rows));
}
