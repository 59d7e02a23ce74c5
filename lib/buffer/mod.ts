/**
 * The buffer: one SQLite file, one log, one cursor an output.
 *
 * @module
 */
export { type BufferHandle, openIsolated } from "./isolated.ts";
export { type BufferTask, TaskLock } from "./lock.ts";
export {
  type DeadLetter,
  type DeadLetterCount,
  type DeadLetterFilter,
  Maintenance,
  type OutputState,
  type Requeued,
} from "./maintenance.ts";
export { openPrivately } from "./private_file.ts";
export { type BufferOptions, type BufferRole, SqliteBuffer } from "./queue.ts";
export type { LogRow } from "./rows.ts";
export { type Salvaged, SalvagedFile } from "./salvage.ts";
export type { StorageOptions } from "./schema.ts";
export { SqliteCode, sqliteCode } from "./sql.ts";
export { serveBuffer } from "./thread.ts";
export { fileFault } from "./integrity.ts";
