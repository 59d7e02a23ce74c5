import assert from "node:assert/strict";
import { freePort, loopbackNet, run, simulate, start, temporaryFolder } from "../program.ts";

Deno.test("simulate serves what it is told, on addresses that count on", async () => {
  using folder = temporaryFolder();
  const here = { cwd: folder.path };
  const net = loopbackNet();
  const port = freePort(`${net}.1`);
  await using simulation = await simulate(
    ["--devices", "3", "--listen", `${net}.1:${port}`, "--models", "1,103", "--unit", "5"],
    here,
  );
  assert.deepEqual(
    JSON.parse(simulation.program.out),
    [1, 2, 3].map((last) => ({
      endpoint: `${net}.${last}:${port}`,
      unit_ids: [5],
      models: [1, 103],
      base_address: 40_000,
    })),
  );
  const ended = await simulation.program.stop();
  assert.deepEqual([ended.code, ended.err], [0, ""]);
});

Deno.test("simulate tells what it cannot do", async () => {
  using folder = temporaryFolder();
  const here = { cwd: folder.path };
  const host = `${loopbackNet()}.1`;
  using taken = Deno.listen({ hostname: host, port: 0 });
  const { port } = taken.addr;
  for (
    const [args, code, want] of [
      [
        ["--listen", `${host}:${port}`],
        2,
        `Cannot listen on "${host}:${port}": the port is in use, choose another --listen`,
      ],
      [
        ["--listen", "192.0.2.1:5020"],
        2,
        'Cannot listen on "192.0.2.1:5020": this machine does not have the address',
      ],
      [
        ["--listen", "300.1.1.1:5020"],
        1,
        'Cannot listen on "300.1.1.1:5020": failed to lookup address information: Name or service not known',
      ],
      [
        ["--listen", `${host}:0`, "--models", "1,9999"],
        78,
        'Cannot simulate model "9999": it has no definition',
      ],
      [
        ["--listen", `${host}:0`, "--device", "nonsense"],
        2,
        'Cannot simulate "nonsense": write MODELS[@BASE][/UNITS], as in 1,103,160:3@40000/1-4',
      ],
    ] as const
  ) {
    const { code: ended, out, err } = await run(["simulate", ...args], here);
    assert.deepEqual([ended, out, err], [code, "", `error: ${want}\n`]);
  }
  await using simulation = start(["simulate", "--listen", `${host}:0`], here);
  await simulation.said(/^ENDPOINT +UNITS +MODELS +BASE\n127\.\S+:\d+ +1 +1,120,103,160 +40000$/m);
  assert.equal((await simulation.stop("SIGINT")).code, 0);
});
