import assert from "node:assert/strict";
import fc from "fast-check";
import { scaled } from "../../lib/sunspec/mod.ts";

Deno.test("scaled() is exact in decimal", () => {
  for (
    const [value, scaleFactor, want] of [
      [2304, -1, 230.4],
      [2305, -1, 230.5],
      [7, 0, 7],
      [12, 2, 1200],
      [0, -3, 0],
      [0, 5, 0],
      [-1, -1, -0.1],
      [3, -1, 0.3],
      [7, -2, 0.07],
      [1001, -3, 1.001],
      [65_534, -2, 655.34],
      [-32_767, -10, -0.0000032767],
      [1, -10, 1e-10],
      [1, 10, 10_000_000_000],
      [4_294_967_295, -2, 42_949_672.95],
      [4_294_967_295, 6, 4_294_967_295_000_000],
      [9_007_199_254_740_991, 0, 9_007_199_254_740_991],
      [9_007_199_254_740_991, -1, 900_719_925_474_099.1],
      [9_007_199_254_740_991, -5, 90_071_992_547.40991],
      [9_007_199_254_740_991, 1, "90071992547409910"],
      [9_007_199_254_740_992n, 0, 9_007_199_254_740_992],
      [9_007_199_254_740_993n, 0, "9007199254740993"],
      [9_007_199_254_740_993n, -3, "9007199254740.993"],
      [9_007_199_254_740_000n, -3, 9_007_199_254_740],
      [18_446_744_073_709_551_614n, 0, "18446744073709551614"],
      [18_446_744_073_709_551_614n, -10, "1844674407.3709551614"],
      [18_446_744_073_709_551_614n, 10, "184467440737095516140000000000"],
      [-9_223_372_036_854_775_807n, -3, "-9223372036854775.807"],
      [10n ** 18n, -10, 100_000_000],
      [-(10n ** 18n), -10, -100_000_000],
      [4_294_967_295, 10, "42949672950000000000"],
      [-2_147_483_647, 10, "-21474836470000000000"],
    ] as const
  ) {
    assert.equal(scaled(value, scaleFactor), want, `${value} × 10^${scaleFactor}`);
  }
});

/** Value × 10^scaleFactor in digits, by integers only. */
function decimal(value: bigint, scaleFactor: number): string {
  const up = value * 10n ** BigInt(scaleFactor + 10);
  const whole = up / 10n ** 10n;
  const rest = up % 10n ** 10n;
  const sign = up < 0n ? "-" : "";
  const digits = String(rest < 0n ? -rest : rest).padStart(10, "0").replace(/0+$/, "");
  return `${sign}${whole < 0n ? -whole : whole}${digits === "" ? "" : `.${digits}`}`;
}

/** A number as it prints, without exponent. */
function plain(number: number): string {
  const [, sign, digits, fraction = "", exponent] =
    /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(number)) ?? assert.fail(String(number));
  if (exponent === undefined) return String(number);
  const shift = Number(exponent);
  assert.ok(shift < 0);
  return `${sign}0.${"0".repeat(-shift - 1)}${digits}${fraction}`;
}

Deno.test("scaled() agrees with integer arithmetic for every integer and scale factor", () => {
  const value = fc.oneof(
    fc.integer({ min: -0x8000, max: 0xffff }),
    fc.integer({ min: -0x8000_0000, max: 0xffff_ffff }),
    fc.maxSafeInteger(),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n }),
    fc.bigInt({ min: -(10n ** 4n), max: 10n ** 4n }).map((value) => value * 10n ** 12n),
  );
  fc.assert(
    fc.property(value, fc.integer({ min: -10, max: 10 }), (value, scaleFactor) => {
      const got = scaled(value, scaleFactor);
      const want = decimal(BigInt(value), scaleFactor);
      if (typeof got === "number") {
        assert.equal(plain(got), want);
        assert.ok(Math.abs(got) <= 2 ** 53);
      } else {
        assert.equal(got, want);
        assert.ok(
          String(Number(got)) !== got || Math.abs(Number(got)) > 2 ** 53,
          "a number would do",
        );
      }
    }),
    { numRuns: 20_000 },
  );
});
