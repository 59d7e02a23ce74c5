import assert from "node:assert/strict";
import { TransportError } from "../../lib/core/mod.ts";
import type { Kafka } from "../../scripts/services.ts";
import { Chance } from "../modbus/chance.ts";
import { serviceTest } from "../services.ts";
import { startWarmKafka, until } from "./broker.ts";
import { drainOf, range, Scene } from "./kafka_scene.ts";

Deno.test.sanitizer({ ops: true, resources: true });

serviceTest(
  "Kafka gets each reading once, however its broker comes and goes",
  ["kafka", "kcat"],
  async ({ kcat }, t) => {
    await using kafka = await startWarmKafka();
    for (const [name, body] of Object.entries(CASES)) {
      await t.step(name, async () => {
        await using scene = new Scene(kafka.brokers, kcat);
        await body(scene, kafka);
      });
    }
  },
);

/** Settings that find a broker's absence out soon. */
const SOON = { "kafka.timeout_ms": 500 };

const CASES: Readonly<Record<string, (scene: Scene, kafka: Kafka) => Promise<void>>> = {
  "a broker that is killed in mid-run and comes back has everything once": async (scene, kafka) => {
    const chance = new Chance();
    await using work = scene.delivery(SOON);
    const [stopping, stopped] = [new AbortController(), new AbortController()];
    const drain = drainOf(work);
    const done = drain.run(stopping.signal, stopped.signal);
    const backlog = async () => (await work.buffer.stats()).backlog.kafka ?? 0;
    let appended = 0;
    /** Readings keep coming all the while. */
    const append = async (count: number) => {
      for (let i = 0; i < count; i++) await work.append(String(++appended));
    };
    try {
      for (let round = 0; round < 2; round++) {
        const before = appended;
        await append(10 + chance.below(30));
        await until(async () => await backlog() < appended - before, "something is delivered");
        await append(chance.below(10));
        await kafka.kill();
        await append(20);
        await until(() => drain.failures > 0, "the drain has noticed");
        assert.ok(await backlog() >= 20);
        await kafka.restart();
        await append(5);
        await until(async () => await backlog() === 0, "all is delivered");
      }
      assert.deepEqual(await scene.texts(), range(1, appended));
    } catch (cause) {
      throw chance.failure(0, cause);
    } finally {
      stopping.abort();
      stopped.abort();
      await done;
    }
  },

  "a broker that is frozen in mid-delivery has everything once when it thaws": async (
    scene,
    kafka,
  ) => {
    await using work = scene.delivery(SOON);
    await work.append(...range(1, 6));
    await work.recover();
    await work.commit(await work.deliver(2));
    kafka.freeze();
    try {
      await assert.rejects(work.deliver(2), TransportError);
    } finally {
      kafka.thaw();
    }
    await until(async () => {
      await work.recover();
      return true;
    }, "the broker is itself again");
    await work.deliverAll();
    assert.deepEqual(await scene.texts(), range(1, 6));
  },

  "a broker that is down at the start has everything once it is up": async (scene, kafka) => {
    await kafka.kill();
    await using work = scene.delivery(SOON);
    await work.append("1", "2");
    await assert.rejects(work.recover(), (error) => {
      assert.ok(error instanceof TransportError);
      assert.match(
        error.message,
        /^Cannot deliver to Kafka at "127\.0\.0\.1:\d+" topic "topic-\d+": /,
      );
      return true;
    });
    const finished = drainOf(work).finish(60_000, new AbortController().signal);
    await work.append("3");
    await kafka.restart();
    await finished;
    assert.deepEqual(await scene.texts(), ["1", "2", "3"]);
  },

  "a stop does not wait for a broker that does not answer": async (scene, kafka) => {
    for (const step of ["recover", "deliver"] as const) {
      const stop = new AbortController();
      await using work = scene.delivery({ "kafka.timeout_ms": 60_000 });
      await work.append("1");
      await work.recover();
      kafka.freeze();
      try {
        const stopped = step === "recover"
          ? work.recover(stop.signal)
          : work.deliver(1, stop.signal);
        stop.abort();
        await assert.rejects(stopped, /^TransportError: .*Stopped/);
      } finally {
        kafka.thaw();
      }
    }
  },
};
