import { allSettings, type Config } from "./config.ts";

/** What makes transactions impossible: the key, and whether its value does. */
const WEAKENING: readonly (readonly [key: string, weakens: (value: unknown) => boolean])[] = [
  ["kafka.acks", (value) => value !== "all"],
  ["kafka.enable_idempotence", (value) => value === false],
];

/** What a configuration may say, but whoever wrote it should know; one line each. */
export function warningsOf(config: Config): string[] {
  const find = (key: string) => allSettings.find((setting) => setting.key === key);
  const delivery = find("kafka.delivery");
  const isKafka = config.outputs().some(({ name }) => name === "kafka");
  if (!isKafka || (delivery && config.get(delivery) !== undefined)) return [];
  return WEAKENING.flatMap(([key, weakens]) => {
    const setting = find(key);
    if (!setting || !weakens(config.get(setting))) return [];
    return `${
      config.originOf(setting)
    }: ${key}: selects kafka.delivery = "at_least_once": a reading ` +
      "may arrive twice; give kafka.delivery to confirm it";
  });
}
