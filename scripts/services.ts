/**
 * Real services and foreign programs for tests and for people.
 *
 *     deno run -A scripts/services.ts setup    fetch what is absent, then say what is there
 *     deno run -A scripts/services.ts kafka    run a broker until Ctrl-C
 */
import { messageOf } from "../lib/core/errors.ts";
import { startKafka } from "./services/kafka.ts";
import { KAFKA_MECHANISMS } from "./services/kafka_properties.ts";
import { setUp } from "./services/set_up.ts";
import type { Tools } from "./services/tools.ts";

export { Kafka, type KafkaOptions, startKafka, startKafkaCluster } from "./services/kafka.ts";
export { KAFKA_MECHANISMS, KAFKA_USERS } from "./services/kafka_properties.ts";
export { Prometheus, type Series, startPrometheus } from "./services/prometheus.ts";
export { type Outcome, run, type RunOptions, runOrThrow } from "./services/run.ts";
export { setUp } from "./services/set_up.ts";
export * from "./services/tools.ts";

const HELP = `Usage: deno run -A scripts/services.ts COMMAND

Commands:
  setup   Install and fetch what tests need and this machine lacks, then say what is there
  kafka   Run a Kafka broker with fresh data until Ctrl-C

Environment:
  SUNSPOOL_CACHE   Folder that keeps what is fetched (default: ~/.cache/sunspool-test)
`;

const COMMANDS: Readonly<Record<string, () => Promise<number>>> = {
  setup: async () => {
    say(table(await setUp()));
    return 0;
  },
  kafka: async () => {
    const stopped = nextSignal();
    await using kafka = await startKafka();
    const { collector } = kafka.users;
    say(`Brokers (no login):  ${kafka.brokers}
Brokers (SASL_SSL):  ${kafka.saslBrokers}
CA:                  ${kafka.caFile}
Mechanisms:          ${KAFKA_MECHANISMS.join(", ")}
Users:               ${Object.values(kafka.users).map(credentials).join(", ")}
Log:                 ${kafka.logFile}

Try:   kcat -b ${kafka.brokers} -L
       kcat -b ${kafka.saslBrokers} -L -X security.protocol=SASL_SSL -X sasl.mechanism=PLAIN \\
         -X sasl.username=${collector.username} -X sasl.password=${collector.password} \\
         -X ssl.ca.location=${kafka.caFile}
Stop:  Ctrl-C; its data goes with it
`);
    await stopped;
    return 0;
  },
};

/** Runs the command line and gives the exit code. */
async function main(args: readonly string[]): Promise<number> {
  const [name = "", ...rest] = args;
  if (args.includes("--help") || args.includes("-h")) {
    say(HELP);
    return 0;
  }
  const command = Object.hasOwn(COMMANDS, name) && rest.length === 0 ? COMMANDS[name] : undefined;
  if (command !== undefined) return await command();
  complain(`Cannot do "${args.join(" ")}": not one command of this program, try --help`);
  return 2;
}

/** The tools and what is to be said of each, one a line. */
function table(tools: Tools): string {
  const rows = Object.entries(tools).map(([name, tool]) => {
    const status = "path" in tool ? tool.path : `missing: ${tool.missing}; try: ${tool.enable}`;
    return `${name.padEnd(16)}${status}\n`;
  });
  return `${"TOOL".padEnd(16)}STATUS\n${rows.join("")}`;
}

function credentials({ username, password }: { username: string; password: string }): string {
  return `${username}:${password}`;
}

/** Settles when someone wants this process to end. */
function nextSignal(): Promise<void> {
  return new Promise((resolve) => {
    // A handler that stays swallows the second signal, which a runner may pass on.
    for (const name of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(name, resolve);
  });
}

function say(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(text));
}

function complain(line: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`));
}

async function exitCode(args: readonly string[]): Promise<number> {
  try {
    return await main(args);
  } catch (error) {
    complain(messageOf(error));
    return 1;
  }
}

if (import.meta.main) Deno.exit(await exitCode(Deno.args));
