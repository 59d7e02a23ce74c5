import assert from "node:assert/strict";
import Broker from "kafkajs/broker";
import Cluster from "kafkajs/cluster";
import { rememberCoordinators } from "../../../lib/outputs/kafka/coordinators.ts";

const TRANSACTION = { groupId: "ours", coordinatorType: 1 };
const GROUP = { groupId: "ours" };

/** A client of the library's, mended, that two brokers serve; `asked` lists who was looked for. */
async function clientOf() {
  await rememberCoordinators();
  const brokers = [0, 1].map((nodeId) => {
    const broker = Object.assign(Object.create(Broker.prototype), { nodeId, isUp: true });
    // A request of the library's looks up in here how it is written.
    broker.lookupRequest = () => {
      throw new Error("this broker takes no request");
    };
    return broker;
  });
  const asked: string[] = [];
  const state = { coordinator: 0 };
  const client = Object.assign(Object.create(Cluster.prototype), {
    retrier: (job: (bail: (error: unknown) => never) => unknown) =>
      job((error) => {
        throw error;
      }),
    findGroupCoordinatorMetadata({ groupId, coordinatorType = 0 }: typeof TRANSACTION) {
      asked.push(`${groupId} ${coordinatorType}`);
      return Promise.resolve({ coordinator: { nodeId: state.coordinator } });
    },
    findBroker({ nodeId }: { readonly nodeId: number }) {
      const broker = brokers[nodeId];
      return broker.isUp ? Promise.resolve(broker) : Promise.reject(new Error("refused"));
    },
  });
  const find = async (wanted: object) => (await client.findGroupCoordinator(wanted)).nodeId;
  return { brokers, asked, state, find };
}

Deno.test("who coordinates is asked once for each id and kind", async () => {
  const { asked, find } = await clientOf();
  for (const wanted of [TRANSACTION, GROUP, TRANSACTION, GROUP, TRANSACTION]) {
    assert.equal(await find(wanted), 0);
  }
  assert.deepEqual(asked, ["ours 1", "ours 0"]);
});

Deno.test("a coordinator that fails at a request is looked for anew", async () => {
  const { brokers, asked, state, find } = await clientOf();
  await find(TRANSACTION);
  state.coordinator = 1;
  assert.equal(await find(TRANSACTION), 0);
  await assert.rejects(brokers[0].endTxn({}), /takes no request/);
  assert.equal(await find(TRANSACTION), 1);
  assert.equal(await find(TRANSACTION), 1);
  assert.deepEqual(asked, ["ours 1", "ours 1"]);
});

Deno.test("one that cannot be reached is looked for anew", async () => {
  const { brokers, asked, state, find } = await clientOf();
  await find(GROUP);
  state.coordinator = 1;
  brokers[0].isUp = false;
  assert.equal(await find(GROUP), 1);
  assert.deepEqual(asked, ["ours 0", "ours 0"]);
});

Deno.test("clients know nothing from each other", async () => {
  const [one, other] = [await clientOf(), await clientOf()];
  other.state.coordinator = 1;
  assert.equal(await one.find(GROUP), 0);
  assert.equal(await other.find(GROUP), 1);
  assert.equal(await one.find(GROUP), 0);
});
