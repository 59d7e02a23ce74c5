import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type Endpoint,
  formatEndpoint,
  parseEndpoint,
  parseUnitIds,
  UsageError,
} from "../../lib/core/mod.ts";

const network = (scheme: "tcp" | "tls" | "rtu+tcp", host: string, port: number): Endpoint => ({
  scheme,
  host,
  port,
});

Deno.test("parseEndpoint() understands every form, formatEndpoint() has one spelling for each", () => {
  for (
    const [text, want, spelling] of [
      ["192.0.2.7", network("tcp", "192.0.2.7", 502), "192.0.2.7:502"],
      ["192.0.2.7:1502", network("tcp", "192.0.2.7", 1502), "192.0.2.7:1502"],
      ["inverter.local", network("tcp", "inverter.local", 502), "inverter.local:502"],
      ["inverter_2.local:1", network("tcp", "inverter_2.local", 1), "inverter_2.local:1"],
      ["tcp://192.0.2.7", network("tcp", "192.0.2.7", 502), "192.0.2.7:502"],
      ["tcp://192.0.2.7:65535/", network("tcp", "192.0.2.7", 65535), "192.0.2.7:65535"],
      ["tls://meter", network("tls", "meter", 802), "tls://meter:802"],
      ["tls://meter:8802", network("tls", "meter", 8802), "tls://meter:8802"],
      ["rtu+tcp://gateway:4001", network("rtu+tcp", "gateway", 4001), "rtu+tcp://gateway:4001"],
      ["rtu+tcp://gateway", network("rtu+tcp", "gateway", 502), "rtu+tcp://gateway:502"],
      ["::1", network("tcp", "::1", 502), "[::1]:502"],
      ["2001:db8::7", network("tcp", "2001:db8::7", 502), "[2001:db8::7]:502"],
      ["[::1]", network("tcp", "::1", 502), "[::1]:502"],
      ["[2001:db8::7]:1502", network("tcp", "2001:db8::7", 1502), "[2001:db8::7]:1502"],
      ["[fe80::1%eth0]:502", network("tcp", "fe80::1%eth0", 502), "[fe80::1%eth0]:502"],
      ["[::ffff:192.0.2.7]", network("tcp", "::ffff:192.0.2.7", 502), "[::ffff:192.0.2.7]:502"],
      ["tls://[2001:db8::7]", network("tls", "2001:db8::7", 802), "tls://[2001:db8::7]:802"],
      ["tcp://::1", network("tcp", "::1", 502), "[::1]:502"],
      [
        "serial:/dev/ttyUSB0",
        { scheme: "serial", path: "/dev/ttyUSB0", baud: 9600, parity: "none", stop: 1 },
        "serial:/dev/ttyUSB0?baud=9600&parity=none&stop=1",
      ],
      [
        "serial:/dev/ttyS1?stop=2&parity=even&baud=19200",
        { scheme: "serial", path: "/dev/ttyS1", baud: 19_200, parity: "even", stop: 2 },
        "serial:/dev/ttyS1?baud=19200&parity=even&stop=2",
      ],
      [
        "serial:/dev/serial/by-id/usb-FTDI_A1-if00?parity=odd",
        {
          scheme: "serial",
          path: "/dev/serial/by-id/usb-FTDI_A1-if00",
          baud: 9600,
          parity: "odd",
          stop: 1,
        },
        "serial:/dev/serial/by-id/usb-FTDI_A1-if00?baud=9600&parity=odd&stop=1",
      ],
    ] as const satisfies readonly (readonly [string, Endpoint, string])[]
  ) {
    assert.deepEqual(parseEndpoint(text), want, text);
    assert.equal(formatEndpoint(parseEndpoint(text)), spelling);
  }
});

Deno.test("a default port is for endpoints without one, and never for TLS", () => {
  for (
    const [text, port] of [
      ["meter", 1502],
      ["tcp://meter", 1502],
      ["rtu+tcp://meter", 1502],
      ["::1", 1502],
      ["meter:503", 503],
      ["tls://meter", 802],
    ] as const
  ) {
    assert.equal(Reflect.get(parseEndpoint(text, 1502), "port"), port, text);
  }
});

Deno.test("an endpoint of no known form is a usage error that quotes it and says why", () => {
  for (
    const [text, why] of [
      ["", "write it as"],
      [":502", "write it as"],
      ["meter:", "write it as"],
      ["meter:abc", "write it as"],
      ["meter:-1", "write it as"],
      ["meter:0", "port 0 is not within"],
      ["meter:65536", "port 65536 is not within"],
      ["meter:99999999999999999999", "is not within"],
      ["two words", "write it as"],
      ["user@meter", "write it as"],
      ["tcp://meter/path", "write it as"],
      ["tcp://meter?unit=1", "write it as"],
      ["meter\n:502", "write it as"],
      ["[]:502", "write it as"],
      ["[::1", "write it as"],
      ["::1]:502", "write it as"],
      ["[meter]:502", "write it as"],
      ["[1:2:3]:502", "write it as"],
      ["[::1]502", "write it as"],
      ["1:2:3", "write it as"],
      ["192.0.2.7:502:126", "write it as"],
      ["http://meter", 'unknown scheme "http"'],
      ["udp://meter:502", 'unknown scheme "udp"'],
      ["serial:", "absolute path"],
      ["serial:ttyUSB0", "absolute path"],
      ["serial:/dev/ttyS0?baud=0", "baud is not"],
      ["serial:/dev/ttyS0?baud=fast", "baud is not"],
      ["serial:/dev/ttyS0?baud=9600.5", "baud is not"],
      ["serial:/dev/ttyS0?baud=", "baud is not"],
      ["serial:/dev/ttyS0?baud=9600?parity=even", "baud is not"],
      ["serial:/dev/ttyS0?parity=mark", "parity is"],
      ["serial:/dev/ttyS0?stop=1.5", "stop is"],
      ["serial:/dev/ttyS0?speed=9600", 'unknown option "speed"'],
    ] as const
  ) {
    assert.throws(() => parseEndpoint(text), (error) => {
      assert.ok(error instanceof UsageError, text);
      assert.ok(error.message.includes(`"${text}"`), error.message);
      assert.ok(error.message.includes(why), error.message);
      return true;
    }, text);
  }
});

const port = fc.integer({ min: 1, max: 65_535 });
const label = fc.stringMatching(/^[a-z0-9]([a-z0-9_-]{0,10}[a-z0-9])?$/);
const host = fc.oneof(
  fc.ipV4(),
  fc.ipV6(),
  fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join(".")),
);
const endpoint: fc.Arbitrary<Endpoint> = fc.oneof(
  fc.record({ scheme: fc.constantFrom("tcp", "tls", "rtu+tcp"), host, port }, {
    noNullPrototype: true,
  }),
  fc.record({
    scheme: fc.constant("serial"),
    path: label.map((name) => `/dev/${name}`),
    baud: fc.integer({ min: 300, max: 4_000_000 }),
    parity: fc.constantFrom("none", "even", "odd"),
    stop: fc.constantFrom(1, 2),
  }, { noNullPrototype: true }),
);

Deno.test("parseEndpoint(formatEndpoint(endpoint)) is the endpoint", () => {
  fc.assert(fc.property(endpoint, (endpoint) => {
    assert.deepEqual(parseEndpoint(formatEndpoint(endpoint)), endpoint);
  }));
});

Deno.test("any text is an endpoint with a spelling of its own, or a usage error", () => {
  const piece = fc.constantFrom("tcp://", "serial:", "[", "]", "::", ":", "1", "a", "%", "?", "/");
  const text = fc.oneof(fc.string(), fc.array(piece).map((pieces) => pieces.join("")));
  fc.assert(
    fc.property(text, (text) => {
      try {
        const spelling = formatEndpoint(parseEndpoint(text));
        assert.equal(formatEndpoint(parseEndpoint(spelling)), spelling);
      } catch (error) {
        assert.ok(error instanceof UsageError, String(error));
      }
    }),
    { numRuns: 2000 },
  );
});

Deno.test("parseUnitIds() understands ids, lists, ranges and auto", () => {
  for (
    const [text, want] of [
      ["1", [1]],
      ["0", [0]],
      ["255", [255]],
      ["1,3,126", [1, 3, 126]],
      ["1-5", [1, 2, 3, 4, 5]],
      ["7-7", [7]],
      ["1-3,126,2-4", [1, 2, 3, 126, 4]],
      [" 1 , 3 - 4 ", [1, 3, 4]],
      ["auto", "auto"],
      [" auto ", "auto"],
    ] as const
  ) {
    assert.deepEqual(parseUnitIds(text), want, text);
  }
});

Deno.test("unit ids of no known form are a usage error that quotes them", () => {
  for (
    const text of [
      "",
      ",",
      "1,",
      "1,,2",
      "256",
      "1000",
      "-1",
      "5-3",
      "1-256",
      "1-2-3",
      "1.5",
      "0x10",
      "a",
      "AUTO",
      "auto,1",
      "1;2",
    ]
  ) {
    assert.throws(
      () => parseUnitIds(text),
      (error) => error instanceof UsageError && error.message.includes(`"${text}"`),
      text,
    );
  }
});
