import { DatabaseSync } from "node:sqlite";
import { messageOf } from "../core/mod.ts";

/** Reads through a buffer file without changing it; says what is wrong with it, undefined = nothing. */
export function fileFault(path: string): string | undefined {
  try {
    using database = new DatabaseSync(path, { readOnly: true, timeout: 5000 });
    const row = database.prepare("PRAGMA quick_check(1)").get();
    const [verdict] = Object.values(row ?? {});
    return verdict === "ok" ? undefined : String(verdict);
  } catch (error) {
    return messageOf(error);
  }
}
