import assert from "node:assert/strict";
import { Chance } from "../modbus/chance.ts";
import { fuzzMaps } from "./maps.ts";

const MAPS = 20_000;

Deno.test("twenty thousand maps: values, no device, or one of our errors", async () => {
  const { seed } = new Chance();
  const { read, failed, none } = await fuzzMaps({ maps: MAPS, seed });
  assert.ok(
    read > MAPS / 2 && failed > MAPS / 100,
    `read ${read}, ${failed}, ${none}, seed ${seed}`,
  );
});
