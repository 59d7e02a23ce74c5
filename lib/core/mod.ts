/**
 * The contracts between the pieces; imports nothing.
 *
 * @module
 */
export * from "./buffer.ts";
export * from "./device.ts";
export * from "./endpoint.ts";
export * from "./errors.ts";
export * from "./finding.ts";
export * from "./output.ts";
export * from "./reading.ts";
export * from "./setting.ts";
export * from "./transport.ts";
