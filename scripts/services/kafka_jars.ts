import { cacheFolder, removeFolder, textOf } from "./cache.ts";
import { run, runOrThrow } from "./run.ts";

/** The Kafka that tests run against. */
export const KAFKA_VERSION = "4.1.0";

/** Kafka 4 needs at least this Java. */
const JAVA_VERSION = 17;

/** The command-line tools bring the whole of Kafka Connect along unless it is left out. */
const LEFT_OUT = ["connect-api", "connect-json", "connect-runtime", "connect-transforms"];

const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>sunspool</groupId>
  <artifactId>kafka-for-tests</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>${KAFKA_VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka-tools</artifactId>
      <version>${KAFKA_VERSION}</version>
      <exclusions>${LEFT_OUT.map(exclusion).join("")}
      </exclusions>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId>
      <artifactId>slf4j-simple</artifactId>
      <version>1.7.36</version>
    </dependency>
  </dependencies>
</project>
`;

/** The folder of Kafka's jars, whether or not they have been fetched. */
export function kafkaJars(): string {
  return `${cacheFolder()}/kafka-${KAFKA_VERSION}`;
}

/** Whether the jars are there, and are those of this `pom.xml`. */
export async function hasKafkaJars(): Promise<boolean> {
  return await textOf(`${kafkaJars()}/pom.xml`) === POM;
}

/** Fetches the jars with Maven. The folder appears whole or not at all. */
export async function fetchKafkaJars(): Promise<void> {
  const unfinished = `${kafkaJars()}.new`;
  await removeFolder(unfinished);
  await Deno.mkdir(unfinished, { recursive: true });
  await Deno.writeTextFile(`${unfinished}/pom.xml`, POM);
  await runOrThrow("mvn", [
    "-B",
    "-q",
    "-f",
    `${unfinished}/pom.xml`,
    "dependency:copy-dependencies",
    `-DoutputDirectory=${unfinished}`,
  ], { timeoutMs: 600_000 });
  await removeFolder(kafkaJars());
  await Deno.rename(unfinished, kafkaJars());
}

/** Whether the `java` on the PATH is new enough. */
export async function hasJava(): Promise<boolean> {
  const { code, stderr } = await run("java", ["-version"]);
  const major = /version "(\d+)/.exec(stderr)?.[1];
  return code === 0 && Number(major) >= JAVA_VERSION;
}

/** The words after `java` that start a class of Kafka. */
export function kafkaClass(name: string, ...jvm: readonly string[]): readonly string[] {
  // A broker of a test lives for seconds: the quick compiler alone halves its start.
  const quick = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];
  return [...quick, ...jvm, "-cp", `${kafkaJars()}/*`, name];
}

function exclusion(artifact: string): string {
  return `
        <exclusion>
          <groupId>org.apache.kafka</groupId>
          <artifactId>${artifact}</artifactId>
        </exclusion>`;
}
