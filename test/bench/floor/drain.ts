/** Sends all rows of an outbox: `drain.ts FOLDER BROKERS TOPIC`. */
import { Outbox } from "./outbox.ts";

const [folder = "", brokers = "", topic = ""] = Deno.args;
const outbox = await Outbox.open(folder, { brokers, topic });
Deno.stdout.writeSync(new TextEncoder().encode(`${await outbox.send()} delivered\n`));
Deno.exit(0);
