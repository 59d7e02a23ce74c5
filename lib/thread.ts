/** What the thread of the buffer is called. */
export const BUFFER_THREAD = "sunspool-buffer";

/** What this thread is called; empty for the first one. */
export const THREAD_NAME: string = globalThis.name;

let program: string | undefined;

/**
 * Tells that the program's main module, at this address, serves a thread when it finds itself run
 * under its name. A bundle has no other module that a thread could be started from.
 */
export function offerThreads(mainModule: string): void {
  program = mainModule;
}

/** The module that threads are started from; undefined = this program has none. */
export function threadModule(): string | undefined {
  return program;
}
