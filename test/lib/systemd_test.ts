import assert from "node:assert/strict";
import { connectNotifier, type Notifier } from "../../lib/systemd.ts";
import { eventually, temporaryFolder } from "../program.ts";
import { ServiceManager } from "../service_manager.ts";

/** Connects with these variables in the environment; all others of systemd's are away. */
function connectWith(
  variables: Readonly<Record<string, string>>,
  failed: (error: unknown) => void = (error) => {
    throw error;
  },
): Notifier {
  const names = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"];
  const before = names.map((name) => [name, Deno.env.get(name)] as const);
  const set = (name: string, value: string | undefined) =>
    value === undefined ? Deno.env.delete(name) : Deno.env.set(name, value);
  for (const name of names) set(name, variables[name]);
  try {
    return connectNotifier(failed);
  } finally {
    for (const [name, value] of before) set(name, value);
  }
}

Deno.test("the service manager hears of it, by path and by abstract name", async () => {
  using folder = temporaryFolder();
  const abstract = `sunspool-test-${crypto.randomUUID()}`;
  for (
    const [bound, named] of [
      [`${folder.path}/notify`, `${folder.path}/notify`],
      [`\0${abstract}`, `@${abstract}`],
    ] as const
  ) {
    await using manager = new ServiceManager(bound);
    using notifier = connectWith({ NOTIFY_SOCKET: named });
    const said: string[] = [];
    for (
      const lines of [["READY=1"], ["STATUS=polling 3 devices", "WATCHDOG=1"], ["STOPPING=1"]]
    ) {
      notifier.notify(...lines);
      said.push(lines.join("\n"));
      await eventually("the manager hears it", () => manager.heard.length === said.length);
    }
    assert.deepEqual(manager.heard, said, named);
  }
  assert.deepEqual([...Deno.readDirSync(folder.path)].map(({ name }) => name), ["notify"]);
});

Deno.test("what is said at once is heard in order, up to the end", async () => {
  using folder = temporaryFolder();
  await using manager = new ServiceManager(`${folder.path}/notify`);
  const said = ["READY=1", "RELOADING=1", "READY=1", "STATUS=polling 3 devices", "STOPPING=1"];
  {
    using notifier = connectWith({ NOTIFY_SOCKET: `${folder.path}/notify` });
    for (const line of said) notifier.notify(line);
  }
  await eventually("the manager hears it", () => manager.heard.length === said.length);
  assert.deepEqual(manager.heard, said);
});

Deno.test("without a service manager it stays silent", () => {
  using notifier = connectWith({});
  notifier.notify("READY=1");
  assert.equal(notifier.watchdogMs, undefined);
});

Deno.test("a service manager that is not there is told of once, and stops nothing", async () => {
  using folder = temporaryFolder();
  const failures: unknown[] = [];
  const first = Promise.withResolvers<void>();
  using notifier = connectWith({ NOTIFY_SOCKET: `${folder.path}/nobody` }, (error) => {
    failures.push(error);
    first.resolve();
  });
  notifier.notify("READY=1");
  await first.promise;
  notifier.notify("STATUS=again");
  // Another datagram of the same process comes after those two are over.
  await using manager = new ServiceManager(`${folder.path}/somebody`);
  using other = connectWith({ NOTIFY_SOCKET: `${folder.path}/somebody` });
  other.notify("READY=1");
  await eventually("the manager hears it", () => manager.heard.includes("READY=1"));
  assert.equal(failures.length, 1);
});

Deno.test("the watchdog is fed twelve times as often as asked, by the process that is asked", () => {
  using folder = temporaryFolder();
  const NOTIFY_SOCKET = `${folder.path}/notify`;
  for (
    const [variables, want] of [
      [{}, undefined],
      [{ WATCHDOG_USEC: "60000000" }, 5000],
      [{ WATCHDOG_USEC: "60000000", WATCHDOG_PID: String(Deno.pid) }, 5000],
      [{ WATCHDOG_USEC: "60000000", WATCHDOG_PID: String(Deno.pid + 1) }, undefined],
      [{ WATCHDOG_USEC: "0" }, undefined],
      [{ WATCHDOG_USEC: "soon" }, undefined],
    ] as const
  ) {
    using notifier = connectWith({ NOTIFY_SOCKET, ...variables });
    assert.equal(notifier.watchdogMs, want, JSON.stringify(variables));
  }
});
