import type { Frame } from "../../lib/modbus/frame.ts";
import type { Chance } from "../modbus/chance.ts";
import type { FuzzedFraming } from "./framings.ts";

/** Room for a few frames and what comes around them. */
const ROOM = 2048;
/** Data of replies is cut out of noise that is made once: making it costs more than parsing it. */
const NOISE = 0x4000;
const HEAD = 10;
/** Bytes that mean something in a head. */
const EDGES = [0, 1, 2, 3, 4, 0x7f, 0x80, 0x83, 0x84, 0xfa, 0xfe, 0xff] as const;

/** A reply as it comes over a bad wire, from a bad device or from an attacker. */
export class Mutant {
  readonly #chance: Chance;
  readonly #noise: Uint8Array;
  readonly #room = new Uint8Array(ROOM);
  #length = 0;
  #frame: Uint8Array = new Uint8Array(0);
  #request: Uint8Array = new Uint8Array(0);
  #isRight = false;

  /** Becomes something at the first `become`. */
  constructor(chance: Chance) {
    this.#chance = chance;
    this.#noise = chance.bytes(NOISE);
  }

  /** What came. */
  get bytes(): Uint8Array {
    return this.#room.subarray(0, this.#length);
  }

  /** Becomes a reply to a request, nearly always the right one. */
  become(framing: FuzzedFraming, request: Frame): void {
    const isException = this.#chance.next() < 0.1;
    const isDistorted = this.#chance.next() < 0.15;
    const reply = { ...request, pdu: isException ? this.#exception(request) : this.#data(request) };
    this.#frame = framing.frame(isDistorted ? this.#distorted(reply) : reply);
    this.#isRight = !isException && !isDistorted;
    this.#request = framing.framing.encode(request);
  }

  /** Changes the reply in one way, or not at all; true = it is the right one, with data. */
  mutate(): boolean {
    this.#room.set(this.#frame);
    this.#length = this.#frame.length;
    const mutation = this.#chance.below(this.#mutations.length + 1);
    this.#mutations[mutation]?.();
    return this.#isRight && mutation === this.#mutations.length;
  }

  /** One of these happens to a frame, or nothing; in its head more often than in its data. */
  readonly #mutations: readonly (() => void)[] = [
    () => this.#set(this.#chance.below(HEAD), this.#chance.below(256)),
    () => this.#set(this.#chance.below(HEAD), this.#chance.of(...EDGES)),
    () => this.#set(this.#chance.below(this.#length), this.#chance.below(256)),
    () => this.#flip(this.#chance.below(this.#length)),
    () => this.#splice(this.#chance.below(this.#length), this.#length, 0),
    () => this.#splice(0, this.#chance.below(HEAD), 0),
    () => this.#splice(this.#chance.below(this.#length), 1, 0),
    () => this.#splice(this.#chance.below(this.#length), 0, 1 + this.#chance.below(8)),
    () => this.#splice(0, 0, 1 + this.#chance.below(600)),
    () => this.#splice(this.#length, 0, 1 + this.#chance.below(600)),
    () => this.#twice(),
    () => {
      this.#twice();
      this.#flip(1);
    },
    () => this.#splice(0, this.#length, this.#length),
    () => this.#echo(),
  ];

  #exception({ pdu }: Frame): Uint8Array {
    return Uint8Array.of((pdu[0] ?? 0) | 0x80, this.#chance.below(256));
  }

  #data({ pdu }: Frame): Uint8Array {
    const byteCount = ((pdu[3] ?? 0) << 8 | (pdu[4] ?? 0)) * 2;
    const data = new Uint8Array(2 + byteCount);
    data[0] = pdu[0] ?? 0;
    data[1] = byteCount;
    data.set(this.#noiseOf(byteCount), 2);
    return data;
  }

  /** A whole and well framed reply that answers something else. */
  #distorted(reply: Frame): Frame {
    const pdu = reply.pdu.slice(0, this.#chance.of(reply.pdu.length, this.#chance.below(8)));
    switch (this.#chance.below(4)) {
      case 0:
        return { ...reply, unitId: this.#chance.below(256) };
      case 1:
        return { ...reply, transactionId: (reply.transactionId + 1) & 0xffff };
      case 2:
        pdu[0] = this.#chance.below(256);
        return { ...reply, pdu };
      default:
        pdu[1] = this.#chance.below(256);
        return { ...reply, pdu };
    }
  }

  #noiseOf(length: number): Uint8Array {
    const from = this.#chance.below(NOISE - length);
    return this.#noise.subarray(from, from + length);
  }

  #set(at: number, byte: number): void {
    this.#room[at] = byte;
  }

  #flip(at: number): void {
    this.#room[at] = (this.#room[at] ?? 0) ^ 1 << this.#chance.below(8);
  }

  /** Takes bytes out and puts noise in. */
  #splice(at: number, removed: number, added: number): void {
    const from = Math.min(this.#length, at + removed);
    this.#room.copyWithin(at + added, from, this.#length);
    this.#room.set(this.#noiseOf(added), at);
    this.#length += at + added - from;
  }

  /** The request comes back before its reply, as on a two-wire line. */
  #echo(): void {
    this.#splice(0, 0, this.#request.length);
    this.#room.set(this.#request);
  }

  /** The frame comes twice. */
  #twice(): void {
    this.#room.copyWithin(this.#length, 0, this.#length);
    this.#length *= 2;
  }
}
