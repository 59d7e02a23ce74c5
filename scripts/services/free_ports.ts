/**
 * Below the ports that systems give to outgoing connections (from 32768 on Linux): there, a client
 * that dials a dead broker again and again ends up connected to itself, and holds the port.
 */
const FIRST = 10_000;
const LAST = 29_999;

/** Ports of 127.0.0.1 on which nothing listens now. Another process may still be quicker. */
export function freePorts(count: number): number[] {
  const ports = new Set<number>();
  for (let tries = 0; tries < 1_000 && ports.size < count; tries++) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST + 1));
    if (isFree(port)) ports.add(port);
  }
  if (ports.size === count) return [...ports];
  throw new Error(
    `Cannot find ${count} free ports "${FIRST}-${LAST}": all that were tried are taken`,
  );
}

function isFree(port: number): boolean {
  try {
    Deno.listen({ hostname: "127.0.0.1", port }).close();
    return true;
  } catch {
    return false;
  }
}
