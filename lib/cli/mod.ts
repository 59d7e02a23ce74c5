/**
 * The command line: defining commands, help, formats, exit codes.
 *
 * @module
 */
export { errorText, EXIT_CODES, ExitCode } from "./exit.ts";
export { type Io, OutputClosed, OutputFailed, processIo } from "./io.ts";
export {
  type Command,
  type CommandEntry,
  type Example,
  main,
  type Offer,
  type Program,
} from "./main.ts";
export type { Manual, ManualEntry, ManualSection } from "./manual.ts";
export { type Needs, type Permission, PERMISSIONS } from "./permissions.ts";
export { type Format, print, type Printable, renderTable, type Table } from "./print.ts";
export { type Progress, startProgress } from "./progress.ts";
