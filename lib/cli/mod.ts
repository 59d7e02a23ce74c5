/**
 * The command line: defining commands, help, formats, exit codes.
 *
 * @module
 */
export { type Command, type CommandDefinition, defineCommand, type Example } from "./command.ts";
export { EXIT_CODES, ExitCode } from "./exit.ts";
export { type Io, OutputClosed, processIo } from "./io.ts";
export { type CommandEntry, main, type Program } from "./main.ts";
export { type DeviceFlags, deviceFlags, formatOptions } from "./options.ts";
export { type Format, print, type Printable, renderTable, type Table } from "./print.ts";
export { type Progress, startProgress } from "./progress.ts";
export { endpointValue, millisecondsValue, say, unitIdsValue, value } from "./values.ts";
