import { type DeviceIdentity, ProtocolError, type Transport } from "../core/mod.ts";
import { isAnother } from "./identity.ts";
import { type Block, identify } from "./map.ts";
import type { ModelReader } from "./reader.ts";

/** Who answers at a place. */
export class KnownIdentity {
  /** The device, then its children. */
  readonly identities: readonly [DeviceIdentity, ...DeviceIdentity[]];
  readonly #transport: Transport;
  readonly #blocks: readonly Block[];
  readonly #reader: ModelReader;
  #connection: number | undefined;

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
    this.identities = identities;
  }

  /**
   * Asks for it.
   *
   * @param connection the one over which the first of the device was read
   * @throws {ModbusException} the device refuses to say
   */
  static async learn(
    transport: Transport,
    connection: number | undefined,
    blocks: readonly Block[],
    reader: ModelReader,
    signal: AbortSignal,
  ): Promise<KnownIdentity> {
    const identities = await identify(blocks, reader, transport, signal);
    return new KnownIdentity(transport, connection, blocks, reader, identities);
  }

  /** Whether the connection is still the one over which it was asked for: addresses change hands. */
  get isCertain(): boolean {
    return this.#transport.connections?.() === this.#connection;
  }

  /**
   * Asks again.
   *
   * @throws {ProtocolError} somebody else answers
   */
  async check(signal: AbortSignal): Promise<void> {
    const connection = this.#transport.connections?.();
    const found = await identify(this.#blocks, this.#reader, this.#transport, signal);
    for (const [i, known] of this.identities.entries()) {
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
}
