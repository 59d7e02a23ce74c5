import { Outbox } from "./outbox.ts";
import { encodeReading } from "./reading.ts";

const COMMIT_MS = 100;

/** Keeps the registers of one read. */
type Keep = (endpoint: string, registers: DataView) => void;

/** Opens an outbox; what is kept goes through it, a commit each tenth of a second. */
export async function openPipeline(
  folder: string,
  kafka: { readonly brokers: string; readonly topic: string },
): Promise<Keep> {
  const outbox = await Outbox.open(folder, kafka);
  let fresh: Uint8Array[] = [];
  let isSending = false;

  setInterval(async () => {
    if (fresh.length === 0) return;
    outbox.store(fresh);
    fresh = [];
    if (isSending) return;
    isSending = true;
    await outbox.send();
    isSending = false;
  }, COMMIT_MS);

  return (endpoint, registers) => fresh.push(encodeReading(endpoint, registers));
}
