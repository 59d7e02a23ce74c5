/** Powers of ten that a double holds exactly and that scale factors reach. */
const POWERS = Array.from({ length: 23 }, (_, exponent) => 10 ** exponent);

/** The scale factors the specification allows: section 4.2.5. */
export const SCALE_FACTOR_LIMIT = 10;

/**
 * `value` × 10^`scaleFactor`, exact in decimal.
 *
 * A number where a double prints as exactly that decimal; otherwise (beyond 2^53, or more digits
 * than a double keeps) the decimal itself as text.
 *
 * @param value an integer
 * @param scaleFactor an integer within ±10
 */
export function scaled(value: number | bigint, scaleFactor: number): number | string {
  if (typeof value === "number" && Math.abs(value) < 1e15) {
    if (scaleFactor === 0) return value;
    // Both operands are exact, so the quotient is the double nearest to the decimal, and with at
    // most 15 digits that double prints as the decimal again.
    if (scaleFactor < 0) return value / power(-scaleFactor);
    const product = value * power(scaleFactor);
    if (Math.abs(product) <= Number.MAX_SAFE_INTEGER) return product;
  }
  return exact(decimalText(BigInt(value), scaleFactor));
}

function power(exponent: number): number {
  return POWERS[exponent] ?? Number.NaN;
}

/** Digits with the decimal point moved; no exponent, no trailing zeros after the point. */
function decimalText(value: bigint, scaleFactor: number): string {
  if (scaleFactor >= 0) return (value * 10n ** BigInt(scaleFactor)).toString();
  const places = -scaleFactor;
  const digits = (value < 0n ? -value : value).toString().padStart(places + 1, "0");
  const fraction = digits.slice(-places).replace(/0+$/, "");
  const text = digits.slice(0, -places) + (fraction === "" ? "" : `.${fraction}`);
  return value < 0n ? `-${text}` : text;
}

function exact(text: string): number | string {
  const number = Number(text);
  const isSame = String(number) === text;
  return isSame && Math.abs(number) <= 2 ** 53 ? number : text;
}
