import { sunspecDefinitions } from "../../lib/drivers/mod.ts";
import {
  parseEndpointSpec,
  serveEndpoint,
  type SimulatedEndpoint,
} from "../../lib/simulate/mod.ts";
import { Expected } from "../e2e/expected.ts";
import { loopbackNet } from "../program.ts";

/** How long a device stays in one state. */
const STEP_MS = 10;

/** Simulated devices whose registers are a pure function of device, model and state n. */
export class Devices implements AsyncDisposable {
  /** `127.x.y.z:port` of each, in the order of the specs. */
  readonly endpoints: readonly string[];
  /** Behind each of these. */
  readonly unitIds: readonly (readonly number[])[];
  /** What each of them says in a state. */
  readonly expected: Expected;
  readonly #served: readonly number[];
  readonly #stack: AsyncDisposable;

  private constructor(
    endpoints: readonly SimulatedEndpoint[],
    expected: Expected,
    served: readonly number[],
    stack: AsyncDisposable,
  ) {
    this.endpoints = endpoints.map(({ hostname, port }) => `${hostname}:${port}`);
    this.unitIds = endpoints.map(({ devices }) => devices.map(({ options }) => options.unitId));
    this.expected = expected;
    this.#served = served;
    this.#stack = stack;
  }

  /** Every state in which anything was asked for, in order. */
  get served(): readonly number[] {
    return this.#served;
  }

  /** Serves devices as `simulate --device` takes them, one endpoint each. */
  static async serve(specs: readonly string[]): Promise<Devices> {
    await using stack = new AsyncDisposableStack();
    const definitions = await sunspecDefinitions(undefined);
    const net = loopbackNet();
    const served: number[] = [];
    const startedAt = performance.now();
    const stateOf = () => {
      const n = Math.floor((performance.now() - startedAt) / STEP_MS);
      if (served.at(-1) !== n) served.push(n);
      return n;
    };
    const endpoints: SimulatedEndpoint[] = [];
    for (const [index, spec] of specs.entries()) {
      const at = { hostname: `${net}.${index + 1}`, port: 0, index };
      const endpoint = await serveEndpoint(parseEndpointSpec(spec), at, definitions, stateOf);
      endpoints.push(stack.use(endpoint));
    }
    return new Devices(endpoints, await Expected.of(specs), served, stack.move());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack[Symbol.asyncDispose]();
  }
}
