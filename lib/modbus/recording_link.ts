import { messageOf, TransportError } from "../core/mod.ts";
import { type ExchangeLine, formatExchange } from "./exchange.ts";
import type { Exchange, OpenLink } from "./link.ts";

/** Takes the lines of a recording, one by one. */
export type Recorder = (line: string) => void;

/** A link that writes down what is asked and what is answered, each at its time. */
export class RecordingLink implements OpenLink {
  readonly #link: OpenLink;
  readonly #endpoint: string;
  readonly #record: Recorder;

  /** @param endpoint in its one spelling */
  constructor(link: OpenLink, endpoint: string, record: Recorder) {
    this.#link = link;
    this.#endpoint = endpoint;
    this.#record = record;
  }

  get isOpen(): boolean {
    return this.#link.isOpen;
  }

  get nextTransactionId(): number {
    return this.#link.nextTransactionId;
  }

  async exchange(exchange: Exchange): Promise<Uint8Array> {
    const { unitId, pdu } = exchange;
    this.#write({ unitId, kind: ">", pdu, failure: "" });
    try {
      const reply = await this.#link.exchange(exchange);
      this.#write({ unitId, kind: "<", pdu: reply, failure: "" });
      return reply;
    } catch (error) {
      const fault = error instanceof TransportError ? error.fault : "failed";
      const failure = `${fault}: ${messageOf(error)}`.replaceAll(/\s+/g, " ");
      this.#write({ unitId, kind: "!", pdu: new Uint8Array(0), failure });
      throw error;
    }
  }

  close(): void {
    this.#link.close();
  }

  #write(line: Omit<ExchangeLine, "time" | "endpoint">): void {
    const time = new Date().toISOString();
    this.#record(formatExchange({ time, endpoint: this.#endpoint, ...line }));
  }
}
