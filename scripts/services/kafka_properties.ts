/** Ports of 127.0.0.1 that one broker listens on. */
export interface KafkaPorts {
  readonly plaintext: number;
  readonly sasl: number;
  readonly controller: number;
  /** A listener without encryption or login that tells its clients to use another port. */
  readonly proxied?: { readonly port: number; readonly told: number };
}

/** How the SASL listener lets a user in; each of them knows every user. */
export const KAFKA_MECHANISMS = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] as const;

/** Users of the SASL listener and their passwords. */
export const KAFKA_USERS = {
  /** May do everything. */
  admin: { username: "admin", password: "admin-secret" },
  /** May do what a test grants. */
  collector: { username: "collector", password: "collector-secret" },
  /** May do nothing. */
  nobody: { username: "nobody", password: "nobody-secret" },
} as const;

/** Settings of a broker that is its own controller and keeps its data in `folder`. */
export function kafkaProperties(
  folder: string,
  { ports, keystoreFile }: { readonly ports: KafkaPorts; readonly keystoreFile: string },
): Record<string, string> {
  return {
    ...NODE,
    ...SMALL,
    "log.dirs": `${folder}/data`,
    "controller.quorum.voters": `1@127.0.0.1:${ports.controller}`,
    "listeners": [
      `PLAINTEXT://127.0.0.1:${ports.plaintext}`,
      `SASL_SSL://127.0.0.1:${ports.sasl}`,
      `CONTROLLER://127.0.0.1:${ports.controller}`,
      ...ports.proxied ? [`PROXIED://127.0.0.1:${ports.proxied.port}`] : [],
    ].join(","),
    "advertised.listeners": [
      `PLAINTEXT://127.0.0.1:${ports.plaintext}`,
      `SASL_SSL://127.0.0.1:${ports.sasl}`,
      ...ports.proxied ? [`PROXIED://127.0.0.1:${ports.proxied.told}`] : [],
    ].join(","),
    "ssl.keystore.type": "PEM",
    "ssl.keystore.location": keystoreFile,
    "listener.name.sasl_ssl.sasl.enabled.mechanisms": KAFKA_MECHANISMS.join(","),
    "listener.name.sasl_ssl.plain.sasl.jaas.config": plainLogin(),
    "listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config": SCRAM_LOGIN,
    "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": SCRAM_LOGIN,
  };
}

/** Arguments of `StorageTool format` that make the SCRAM users. */
export function scramArguments(): string[] {
  return Object.values(KAFKA_USERS).flatMap(({ username, password }) =>
    KAFKA_MECHANISMS.filter((mechanism) => mechanism !== "PLAIN").flatMap((mechanism) => [
      "--add-scram",
      `${mechanism}=[name=${username},password=${password}]`,
    ])
  );
}

/** The text of a `.properties` file, in which a backslash escapes. */
export function propertiesText(properties: Readonly<Record<string, string>>): string {
  return Object.entries(properties)
    .map(([key, value]) => `${key}=${value.replaceAll("\\", "\\\\")}\n`)
    .join("");
}

const NODE = {
  "process.roles": "broker,controller",
  "node.id": "1",
  "listener.security.protocol.map":
    "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,SASL_SSL:SASL_SSL",
  "controller.listener.names": "CONTROLLER",
  "inter.broker.listener.name": "PLAINTEXT",
  "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
  "super.users": "User:ANONYMOUS;User:admin",
};

/** One broker alone, made for tests: few partitions, nothing to wait for. */
const SMALL = {
  "auto.create.topics.enable": "true",
  "num.partitions": "1",
  "default.replication.factor": "1",
  "offsets.topic.replication.factor": "1",
  "offsets.topic.num.partitions": "5",
  "transaction.state.log.replication.factor": "1",
  "transaction.state.log.min.isr": "1",
  "transaction.state.log.num.partitions": "5",
  "group.initial.rebalance.delay.ms": "0",
  // After a kill the controller takes no new start of the broker until the old session has run
  // out: with the default of 9 s, a restart takes 12 s.
  "broker.session.timeout.ms": "2000",
  "broker.heartbeat.interval.ms": "250",
};

/** Over those of one broker alone: what several brokers keep, and how many must have it. */
export function copies(count: number): Record<string, string> {
  const all = String(count);
  const most = String(Math.max(1, count - 1));
  return {
    "default.replication.factor": all,
    "min.insync.replicas": most,
    "offsets.topic.replication.factor": all,
    "transaction.state.log.replication.factor": all,
    "transaction.state.log.min.isr": most,
    "unclean.leader.election.enable": "false",
  };
}

const SCRAM_LOGIN = "org.apache.kafka.common.security.scram.ScramLoginModule required;";

function plainLogin(): string {
  const users = Object.values(KAFKA_USERS)
    .map(({ username, password }) => `user_${username}="${password}"`);
  return `org.apache.kafka.common.security.plain.PlainLoginModule required ${users.join(" ")};`;
}
