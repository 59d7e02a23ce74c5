/** A broker of the library, as far as it is needed here. */
interface Broker {
  readonly nodeId: unknown;
}

/** The brokers as one of the library's clients knows them, as far as it is needed here. */
interface Cluster {
  findBroker(which: { readonly nodeId: unknown }): Promise<Broker>;
}

/** Whose coordinator is looked for: a group's, or a transactional id's. */
interface Wanted {
  readonly groupId: string;
  readonly coordinatorType?: number;
}

/** What is asked of coordinators in a transaction. */
const ASKED = [
  "initProducerId",
  "addPartitionsToTxn",
  "addOffsetsToTxn",
  "txnOffsetCommit",
  "endTxn",
] as const;

/**
 * Has the clients of kafkajs 2.2.4 remember who coordinates them. It asks before each request to a
 * coordinator: four of the nine requests of a transaction. Here it asks again only once the one it
 * knows has failed, at whatever.
 */
export function rememberCoordinators(): Promise<void> {
  return mended ??= mend();
}

let mended: Promise<void> | undefined;

async function mend(): Promise<void> {
  const { default: cluster } = await import("kafkajs/cluster");
  const { default: broker } = await import("kafkajs/broker");
  const doubted = new WeakSet<Broker>();
  for (const name of ASKED) {
    const ask = broker.prototype[name];
    Object.assign(broker.prototype, {
      async [name](this: Broker, request: unknown) {
        try {
          return await ask.call(this, request);
        } catch (error) {
          doubted.add(this);
          throw error;
        }
      },
    });
  }
  const known = new WeakMap<Cluster, Map<string, unknown>>();
  const find = cluster.prototype.findGroupCoordinator;
  Object.assign(cluster.prototype, {
    async findGroupCoordinator(this: Cluster, wanted: Wanted): Promise<Broker> {
      const { groupId, coordinatorType = 0 } = wanted;
      const key = `${coordinatorType} ${groupId}`;
      const own = known.get(this) ?? new Map<string, unknown>();
      known.set(this, own);
      const nodeId = own.get(key);
      // It is connected anew where that has become necessary; where it cannot be, another is found.
      const before = nodeId === undefined
        ? undefined
        : await this.findBroker({ nodeId }).catch(() => undefined);
      if (before && !doubted.has(before)) return before;
      const found: Broker = await find.call(this, wanted);
      doubted.delete(found);
      own.set(key, found.nodeId);
      return found;
    },
  });
}
