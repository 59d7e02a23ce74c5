import assert from "node:assert/strict";
import { OutputClosed, OutputFailed } from "../../lib/cli/mod.ts";
import { pollAll, type PollAllOptions, type PollStatistics } from "../../lib/compose/polling.ts";
import { type Device, NotFoundError, TransportError, UsageError } from "../../lib/core/mod.ts";

const place = (host: string) => ({
  endpoint: { scheme: "tcp", host, port: 502 } as const,
  unitId: 1,
});

function deviceNamed(id: string): Device {
  return {
    identity: {
      id,
      manufacturer: "",
      model: "",
      options: "",
      version: "",
      serialNumber: "",
      endpoint: id,
      unitId: 1,
      parent: null,
    },
    children: [],
    sources: [],
    warnings: [],
    read: () => Promise.resolve([]),
    snapshot: () => Promise.reject(new Error("nobody asks for it")),
    async [Symbol.asyncDispose]() {},
  };
}

/** Polls devices that exist in name only; `take` says what each poll gives. */
async function polled(
  hosts: readonly string[],
  count: number,
  take: (host: string, isNew: boolean) => number,
  given: Partial<PollAllOptions> = {},
): Promise<PollStatistics & { failures: string[]; opened: string[] }> {
  const failures: string[] = [];
  const opened: string[] = [];
  const statistics = await pollAll({
    places: hosts.map(place),
    access: {
      open(endpoint) {
        const host = "host" in endpoint ? endpoint.host : "";
        opened.push(host);
        if (host === "absent") throw new TransportError("absent: refused", "refused");
        return Promise.resolve(deviceNamed(host));
      },
    },
    intervalMs: () => 10,
    jitterMs: 0,
    count,
    sink: {
      name: ({ identity }) => Promise.resolve([identity.id]),
      take: ({ identity }, isNew) => new Promise((resolve) => resolve(take(identity.id, isNew))),
      async [Symbol.asyncDispose]() {},
    },
    onFailure: (message) => failures.push(message),
    ...given,
  }, new AbortController().signal);
  return { ...statistics, failures, opened };
}

Deno.test("the statistics and the exit code tell good polls from failed ones", async () => {
  const four = () => 4;
  for (
    const [hosts, want, exitCode] of [
      [
        ["a"],
        /^2 polls of 1 devices: 2 ok, 0 failed, 8 readings, \d+\/\d+\/\d+ ms min\/median\/max$/,
        0,
      ],
      [["a", "b"], /^4 polls of 2 devices: 4 ok, 0 failed, 16 readings, /, 0],
      [["a", "absent"], /^4 polls of 2 devices: 2 ok, 2 failed, 8 readings, /, 3],
      [["absent"], /^2 polls of 1 devices: 0 ok, 2 failed, 0 readings$/, 1],
    ] as const
  ) {
    const { text, exitCode: code, failures } = await polled(hosts, 2, four);
    assert.match(text, want);
    assert.equal(code, exitCode);
    assert.deepEqual(failures, exitCode === 0 ? [] : ["absent: refused", "absent: refused"]);
  }
});

Deno.test("a device is opened once, and again after a failure", async () => {
  let polls = 0;
  const news: boolean[] = [];
  const { opened, exitCode, failures } = await polled(["a"], 4, (_, isNew) => {
    news.push(isNew);
    if (++polls === 2) throw new TransportError("a: gone", "closed");
    return 1;
  });
  assert.deepEqual(opened, ["a", "a"]);
  assert.deepEqual(news, [true, false, true, false]);
  assert.deepEqual([exitCode, failures], [3, ["a: gone"]]);
});

Deno.test("what will fail for ever ends the polls at once", async () => {
  for (
    const error of [
      new OutputFailed("full"),
      new OutputClosed("closed"),
      new UsageError("no such point"),
    ]
  ) {
    let polls = 0;
    const endless = polled(["a"], Number.POSITIVE_INFINITY, () => {
      polls++;
      throw error;
    });
    await assert.rejects(endless, (thrown) => thrown === error);
    assert.equal(polls, 1);
  }
});

Deno.test("a model that this device does not have may be another's", async () => {
  const { exitCode } = await polled(["a", "b"], 1, (host) => {
    if (host === "a") throw new NotFoundError("a has no such model");
    return 1;
  });
  assert.equal(exitCode, 3);
});

Deno.test("a stop ends the polls, and counts no failure", async () => {
  const stop = new AbortController();
  const statistics = await pollAll({
    places: [place("a")],
    access: { open: () => Promise.resolve(deviceNamed("a")) },
    intervalMs: () => 10,
    jitterMs: 0,
    count: Number.POSITIVE_INFINITY,
    sink: {
      name: () => Promise.resolve([]),
      take() {
        stop.abort();
        return Promise.resolve(1);
      },
      async [Symbol.asyncDispose]() {},
    },
    onFailure: (message) => assert.fail(message),
  }, stop.signal);
  assert.match(statistics.text, /^1 polls of 1 devices: 1 ok, 0 failed, 1 readings/);
});
