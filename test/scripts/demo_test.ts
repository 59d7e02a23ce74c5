import assert from "node:assert/strict";
import { neutralEnvironment } from "../program.ts";

const DEMO = new URL("../../scripts/demo.ts", import.meta.url).pathname;

Deno.test("the demo finds, reads, collects and delivers by itself, and says what it did", async () => {
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", DEMO],
    clearEnv: true,
    env: { ...neutralEnvironment(), NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder().decode(stdout).trimEnd();
  const [, folder = ""] = /It works in (\S+)/.exec(text) ?? [];
  await Deno.remove(folder, { recursive: true });
  assert.equal(code, 0, text);
  assert.match(text, /positions 1–\d+, none missing, none twice/);
  const [, devices, readings, delivered] =
    /devices (\d+) · readings (\d+) · delivered (\d+)$/.exec(text) ?? [];
  assert.equal(devices, "5", text);
  assert.ok(Number(readings) > 20, text);
  assert.equal(delivered, readings);
});
