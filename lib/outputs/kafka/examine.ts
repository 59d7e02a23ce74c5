import { isIP } from "node:net";
import { connect, type TLSSocket } from "node:tls";
import { type Finding, messageOf, RefusedError } from "../../core/mod.ts";
import { type ClientOptions, KafkaClient, type TopicFacts } from "./client.ts";
import { explain } from "./errors.ts";
import type { Tls } from "./tls.ts";

const SUBJECT = "output kafka";
/** A certificate that ends sooner is worth a word. */
const SOON_MS = 14 * 86_400_000;
/** A whole batch of ours, with headers. */
const BATCH_BYTES = 1024 * 1024;

/** Each broker's name, port and certificate, then login, topic and its limits. */
export async function* examineKafka(
  options: ClientOptions,
  topic: string,
  signal: AbortSignal,
): AsyncGenerator<Finding> {
  let reached = 0;
  for (const broker of options.brokers) {
    const finding = await examineBroker(broker, options, signal);
    if (finding.state !== "fault") reached++;
    yield finding;
  }
  if (reached === 0) return;
  try {
    const client = await KafkaClient.create(options, () => {});
    try {
      yield* examineTopic(topic, await client.topicFacts(topic));
    } catch (error) {
      throw explain(client.complete(error), { brokers: options.brokers.join(","), topic });
    }
  } catch (error) {
    const advice = error instanceof RefusedError
      ? "see the rights that docs/delivery.md lists, and the login in kafka.sasl"
      : "check that it is Kafka that listens there, with TLS or without it, and answers others";
    yield { subject: SUBJECT, state: "fault", text: messageOf(error), advice };
  }
}

async function examineBroker(
  broker: string,
  { tls, timeoutMs }: ClientOptions,
  signal: AbortSignal,
): Promise<Finding> {
  const [, hostname = "", port = ""] = /^\[?(.*?)\]?:(\d+)$/.exec(broker) ?? [];
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  try {
    const connection = await Deno.connect({ hostname, port: Number(port), signal: limit });
    connection.close();
  } catch (error) {
    const isNameless = /failed to lookup address/.test(messageOf(error));
    const why = isNameless
      ? "no such host"
      : limit.aborted
      ? `no answer within ${timeoutMs} ms`
      : messageOf(error).replace(/ \(os error \d+\)$/, "");
    return {
      subject: SUBJECT,
      state: "fault",
      text: `Cannot connect to broker "${broker}": ${why}`,
      advice: isNameless
        ? "check kafka.brokers and the name servers of this machine"
        : "check kafka.brokers, the way there (firewall, VPN), and whether the broker runs",
    };
  }
  if (!tls) return ok(`broker "${broker}" can be connected to`);
  return await examineCertificate({ host: hostname, port: Number(port), broker, timeoutMs }, tls);
}

interface TlsTarget {
  readonly host: string;
  readonly port: number;
  readonly broker: string;
  readonly timeoutMs: number;
}

async function examineCertificate(target: TlsTarget, tls: Tls): Promise<Finding> {
  try {
    const until = await certificateEnd(target, tls);
    const day = until.toISOString().slice(0, 10);
    const text = `broker "${target.broker}" speaks TLS, its certificate is valid until ${day}`;
    if (until.getTime() - Date.now() > SOON_MS) return ok(text);
    const advice = "have it renewed in time";
    return { subject: SUBJECT, state: "warning", text, advice };
  } catch (error) {
    return {
      subject: SUBJECT,
      state: "fault",
      text: `Cannot speak TLS with broker "${target.broker}": ${messageOf(error)}`,
      advice: "check the port, kafka.tls.ca_file, and the date of this machine",
    };
  }
}

/** The last moment at which the certificate of a verified server is valid. */
function certificateEnd({ host, port, timeoutMs }: TlsTarget, tls: Tls): Promise<Date> {
  return new Promise((resolve, reject) => {
    const name = isIP(host) ? {} : { servername: host };
    const options = { host, port, ...name, ...tls, rejectUnauthorized: true };
    const socket: TLSSocket = connect(options, () => {
      const { valid_to } = socket.getPeerCertificate();
      socket.destroy();
      resolve(new Date(valid_to));
    });
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error("no answer")));
    socket.on("error", reject);
  });
}

function* examineTopic(topic: string, facts: TopicFacts | undefined): Generator<Finding> {
  if (!facts) {
    const text = `topic "${topic}" is not there`;
    const advice = "create it, unless the brokers make topics (auto.create.topics.enable)";
    return yield { subject: SUBJECT, state: "warning", text, advice };
  }
  const { partitions, replicas, maxMessageBytes, minInSyncReplicas } = facts;
  yield ok(`topic "${topic}" has ${partitions} partitions with ${replicas} replicas each`);
  if (replicas < 3 || (minInSyncReplicas ?? 2) < 2) {
    const text = `topic "${topic}" can lose readings with a broker: ${replicas} replicas, ` +
      `min.insync.replicas ${minInSyncReplicas ?? "not told"}`;
    const advice = "for data that matters: 3 replicas and min.insync.replicas = 2";
    yield { subject: SUBJECT, state: "warning", text, advice };
  }
  if (maxMessageBytes !== undefined && maxMessageBytes < BATCH_BYTES / 2) {
    const text = `topic "${topic}" takes ${maxMessageBytes} bytes at once: batches are split`;
    const advice = "raise max.message.bytes to 1 MiB";
    yield { subject: SUBJECT, state: "warning", text, advice };
  }
}

function ok(text: string): Finding {
  return { subject: SUBJECT, state: "ok", text, advice: undefined };
}
