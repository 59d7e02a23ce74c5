import { type DeviceIdentity, ProtocolError, type Transport } from "../core/mod.ts";
import { isAnother } from "./identity.ts";
import { type Block, identify } from "./map.ts";
import type { ModelReader } from "./reader.ts";
import { COMMON_MODEL, type ModelPlace } from "./walk.ts";

/** After so long a device that refused to say who it is, is asked again; then less often. */
const FIRST_ASKED_AGAIN_MS = 60_000;
const ASKED_AGAIN_MS = 3_600_000;

/** Who answers at a place. */
export class KnownIdentity {
  /** The device, then its children. */
  readonly identities: readonly [DeviceIdentity, ...DeviceIdentity[]];
  readonly #transport: Transport;
  readonly #blocks: readonly Block[];
  readonly #reader: ModelReader;
  /** Where it says so. */
  readonly #places: readonly ModelPlace[];
  #connection: number | undefined;
  /** When to ask for what it refused to say, by `performance.now()`. */
  #askAgainAt: number;

  private constructor(
    transport: Transport,
    connection: number | undefined,
    blocks: readonly Block[],
    reader: ModelReader,
    identities: readonly [DeviceIdentity, ...DeviceIdentity[]],
  ) {
    this.#transport = transport;
    this.#connection = connection;
    this.#blocks = blocks;
    this.#reader = reader;
    this.#places = commonsOf(blocks);
    this.identities = identities;
    this.#askAgainAt = performance.now() + FIRST_ASKED_AGAIN_MS;
  }

  /**
   * Asks for it, and again for what it refused to say before.
   *
   * @param connection the one over which the first of the device was read
   * @param before the device that answered last, then its children
   * @throws {ModbusException} the device refuses to say
   */
  static async learn(
    transport: Transport,
    connection: number | undefined,
    blocks: readonly Block[],
    reader: ModelReader,
    before: readonly DeviceIdentity[],
    signal: AbortSignal,
  ): Promise<KnownIdentity> {
    reader.askAgain(commonsOf(blocks));
    const identities = await identify(blocks, reader, transport, before, signal);
    return new KnownIdentity(transport, connection, blocks, reader, identities);
  }

  /**
   * Whether there is nothing to ask again: the connection is still the one over which it was asked
   * for, as addresses change hands, and all of it was said. A device that starts up may refuse to.
   */
  get isCertain(): boolean {
    return this.#transport.connections?.() === this.#connection && !this.#isDue;
  }

  /**
   * Asks again.
   *
   * @throws {ProtocolError} it is not what it was
   */
  async check(signal: AbortSignal): Promise<void> {
    const connection = this.#transport.connections?.();
    const refused = this.#refused;
    if (this.#isDue) {
      this.#reader.askAgain(this.#places);
      this.#askAgainAt = performance.now() + ASKED_AGAIN_MS;
    }
    const { identities } = this;
    const found = await identify(this.#blocks, this.#reader, this.#transport, identities, signal);
    if (this.#refused > refused) this.#askAgainAt = performance.now() + FIRST_ASKED_AGAIN_MS;
    for (const [i, known] of identities.entries()) {
      const other = found[i];
      if (!other || !isAnother(known, other)) continue;
      const { endpoint, unitId } = this.#transport;
      throw new ProtocolError(
        `Cannot trust "${endpoint}" unit ${unitId}: "${other.id}" answers in place of ` +
          `"${known.id}"; the device is walked again`,
      );
    }
    this.#connection = connection;
  }

  get #isDue(): boolean {
    return this.#refused > 0 && performance.now() >= this.#askAgainAt;
  }

  /** How much of it the device refuses to say. */
  get #refused(): number {
    return this.#reader.refusedOf(this.#places).length;
  }
}

function commonsOf(blocks: readonly Block[]): readonly ModelPlace[] {
  return blocks.map(({ place }) => place).filter(({ id }) => id === COMMON_MODEL);
}
