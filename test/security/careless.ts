/**
 * The program, where the system lets everybody read and write what is made.
 *
 * @module
 */
Deno.umask(0);
await import("../../main.ts");
