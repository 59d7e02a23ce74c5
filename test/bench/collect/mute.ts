import type { Program } from "../../program.ts";
import type { Look } from "./subject.ts";

/**
 * Looks at a poller that says nothing of itself.
 *
 * @throws when it has ended, with what it said then
 */
export function lookAt(program: Program): Promise<Look> {
  if (program.isRunning) return Promise.resolve({ delivered: null, backlog: null, failed: null });
  return Promise.reject(new Error(`It has ended: ${program.err.slice(-500)}`));
}
