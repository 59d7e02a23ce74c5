import assert from "node:assert/strict";
import {
  AclOperationTypes,
  AclPermissionTypes,
  AclResourceTypes,
  ResourcePatternTypes,
} from "kafkajs";
import { ConfigError, RefusedError, TransportError } from "../../lib/core/mod.ts";
import { type Kafka, startKafka } from "../../scripts/services.ts";
import { serviceTest } from "../services.ts";
import { asAdmin, startWarmKafka, until } from "./broker.ts";
import { range, Scene } from "./kafka_scene.ts";

Deno.test.sanitizer({ ops: true, resources: true });

serviceTest(
  "Kafka lets in who may, and says why it does not",
  ["kafka", "kcat"],
  async ({ kcat }, t) => {
    await using kafka = await startWarmKafka({
      properties: { "auto.create.topics.enable": "false" },
    });
    for (const [name, body] of Object.entries(CASES)) {
      await t.step(name, async () => {
        await using scene = new Scene(kafka.brokers, kcat);
        await body(scene, kafka);
      });
    }
  },
);

type UserName = keyof Kafka["users"];
type Mechanism = "plain" | "scram-sha-256" | "scram-sha-512";

/** Settings of a user of the listener with TLS and login. */
function login(
  kafka: Kafka,
  user: UserName,
  mechanism: Mechanism = "scram-sha-512",
  password: string = kafka.users[user].password,
): Record<string, unknown> {
  return {
    "kafka.brokers": [kafka.saslBrokers],
    "kafka.tls.ca_file": kafka.caFile,
    "kafka.sasl.mechanism": mechanism,
    "kafka.sasl.username": kafka.users[user].username,
    "kafka.sasl.password_file": passwordFile(kafka, password),
  };
}

/** A file that its owner alone may read; gone with the broker. */
function passwordFile(kafka: Kafka, password: string): string {
  const path = kafka.caFile.replace("ca.pem", `${password}.txt`);
  Deno.writeTextFileSync(path, `${password}\n`, { mode: 0o600 });
  return path;
}

/** An operation on a kind of thing with a name. */
type Grant = readonly [
  keyof typeof AclOperationTypes,
  "TOPIC" | "GROUP" | "TRANSACTIONAL_ID",
  string,
];

/** What a collector is to be granted, and not more. */
function grants({ topic, group }: Scene): readonly Grant[] {
  return [
    ["WRITE", "TOPIC", topic],
    ["WRITE", "TRANSACTIONAL_ID", group],
    ["DESCRIBE", "TRANSACTIONAL_ID", group],
    ["READ", "GROUP", group],
    // To look for what had arrived when the broker forgot the position.
    ["READ", "TOPIC", topic],
  ];
}

async function grant(scene: Scene, more: readonly Grant[] = grants(scene)) {
  await asAdmin(scene.brokers, (admin) => admin.createAcls({ acl: more.map(entryOf) }));
}

async function revoke(scene: Scene, right: Grant) {
  await asAdmin(scene.brokers, (admin) => admin.deleteAcls({ filters: [entryOf(right)] }));
}

function entryOf([operation, kind, resourceName]: Grant) {
  return {
    principal: "User:collector",
    host: "*",
    operation: AclOperationTypes[operation],
    permissionType: AclPermissionTypes.ALLOW,
    resourceType: AclResourceTypes[kind],
    resourceName,
    resourcePatternType: ResourcePatternTypes.LITERAL,
  };
}

const isRefused = (why: RegExp) => (error: unknown) => {
  assert.ok(error instanceof RefusedError, String(error));
  assert.match(error.message, why);
  return true;
};

const CASES: Readonly<Record<string, (scene: Scene, kafka: Kafka) => Promise<void>>> = {
  "each mechanism lets a collector in, which needs few grants": async (scene, kafka) => {
    await scene.createTopic();
    await grant(scene);
    let last = 0;
    for (const mechanism of ["plain", "scram-sha-256", "scram-sha-512"] as const) {
      await using work = scene.delivery(login(kafka, "collector", mechanism));
      await work.append(...range(last + 1, last + 3));
      await until(async () => {
        await work.recover();
        return true;
      }, "the grants are known");
      await work.commit(await work.deliver(1));
      await work.deliver(1);
      await work.restart();
      if (last === 0) await scene.forgetOffset();
      assert.equal((await work.recover()).position, last + 2);
      await work.deliverAll();
      last += 3;
    }
    assert.deepEqual(await scene.texts(), range(1, 9));
  },

  "a wrong password is refused, and is not in the message": async (scene, kafka) => {
    for (const mechanism of ["plain", "scram-sha-512"] as const) {
      await using work = scene.delivery(login(kafka, "collector", mechanism, "guessed"));
      await assert.rejects(work.recover(), isRefused(/this collector was not let in/));
      assert.equal(JSON.stringify(work.logged).includes("guessed"), false);
    }
  },

  "whoever has no grants is refused, and hears what is missing": async (scene, kafka) => {
    await scene.createTopic();
    await using work = scene.delivery(login(kafka, "nobody"));
    await assert.rejects(work.recover(), isRefused(/may not use its transactional id/));
  },

  "each missing grant is a refusal of its own": async (scene, kafka) => {
    await scene.createTopic();
    const all = grants(scene);
    await using work = scene.delivery(login(kafka, "collector"));
    await work.append("1");
    const attempt = async () => {
      await work.recover();
      await work.deliver();
    };
    for (
      const [next, why] of [
        [undefined, /may not use its transactional id/],
        [all.slice(1, 3), /may not write to the topic/],
        [all.slice(0, 1), /may not read its group/],
        // Something was sent, and nobody knows what became of it.
        [all.slice(3, 4), /grant READ on topic "topic-\d+"/],
      ] as const
    ) {
      if (next) await grant(scene, next);
      // What is granted takes a moment to be known.
      await until(async () => {
        await assert.rejects(attempt(), isRefused(why));
        return true;
      }, String(why));
    }
    await grant(scene, all.slice(4));
    await until(async () => {
      await attempt();
      return true;
    }, "it is let in");
    assert.deepEqual(await scene.texts(), ["1"]);
  },

  "rights that are lost in mid-run are asked for, and nothing is lost or doubled meanwhile": async (
    scene,
    kafka,
  ) => {
    await scene.createTopic();
    await grant(scene);
    await using work = scene.delivery(login(kafka, "collector"));
    const all = grants(scene);
    const goesOn = async () => {
      await work.recover();
      await work.deliverAll();
      return true;
    };
    await work.append("1");
    await until(goesOn, "the grants are known");
    let last = 1;
    for (
      const [right, why] of [[all[0], /write to the topic/], [all[3], /read its group/]] as const
    ) {
      if (!right) throw new Error("no such grant");
      await revoke(scene, right);
      await until(async () => {
        await work.append(String(++last));
        await assert.rejects(goesOn(), isRefused(why));
        return true;
      }, "it is refused");
      await grant(scene, [right]);
      await until(goesOn, "it is let in again");
    }
    assert.deepEqual(await scene.texts(), range(1, last));
  },

  "a certificate that is not trusted is refused": async (scene, kafka) => {
    await using other = await startKafka();
    for (const trusted of [{}, { "kafka.tls.ca_file": other.caFile }]) {
      const { "kafka.tls.ca_file": _own, ...settings } = login(kafka, "admin");
      await using work = scene.delivery({ ...settings, "kafka.tls.enabled": true, ...trusted });
      await assert.rejects(work.recover(), isRefused(/certificate is not trusted/));
    }
  },

  "files that cannot be used are faults of the configuration, told at once": (scene, kafka) => {
    const open = passwordFile(kafka, "open");
    Deno.chmodSync(open, 0o644);
    for (
      const [settings, why] of [
        [{ "kafka.tls.ca_file": "/nowhere/ca.pem" }, /Cannot read "\/nowhere\/ca\.pem"/],
        [{ "kafka.tls.cert_file": "/nowhere/c", "kafka.tls.key_file": "/nowhere/k" }, /nowhere/],
        [{ "kafka.sasl.password_file": "/nowhere/p" }, /Cannot read secret file "\/nowhere\/p"/],
        [{ "kafka.sasl.password_file": open }, /others may read it/],
      ] as const
    ) {
      assert.throws(() => scene.delivery({ ...login(kafka, "admin"), ...settings }), (error) => {
        assert.ok(error instanceof ConfigError, String(error));
        assert.match(error.message, why);
        return true;
      });
    }
    return Promise.resolve();
  },

  "a topic that is not there, and that the broker does not make, is asked for": async (scene) => {
    await using work = scene.delivery();
    await work.append("1");
    await assert.rejects(work.recover(), (error) => {
      assert.ok(error instanceof TransportError);
      assert.match(error.message, /there is no such topic and the broker does not make it; create/);
      return true;
    });
    await scene.createTopic();
    await work.recover();
    await work.deliverAll();
    assert.deepEqual(await scene.texts(), ["1"]);
  },

  "whoever speaks plainly to a listener with TLS, or the reverse, does not wait for ever": async (
    scene,
    kafka,
  ) => {
    for (
      const settings of [
        { "kafka.brokers": [kafka.saslBrokers] },
        { "kafka.tls.ca_file": kafka.caFile },
      ]
    ) {
      await using work = scene.delivery({ ...settings, "kafka.timeout_ms": 300 });
      await assert.rejects(work.recover(), /^(Transport|Refused)Error: Cannot deliver to Kafka/);
    }
  },
};
