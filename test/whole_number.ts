/**
 * A number as a flag gives it.
 *
 * @throws {Error} when it is no whole number, or less than `least`
 */
export function wholeNumber(flag: string, text: string, least = 0): number {
  const number = Number(text);
  if (text.trim() !== "" && Number.isSafeInteger(number) && number >= least) return number;
  throw new Error(`Cannot use ${flag} "${text}": a whole number from ${least} on is needed`);
}
