import type { LockedPackage } from "./packages.ts";

/** Licences that ask for no more than their notice. */
const EXPECTED = ["0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT"];

/** Packages with a licence that somebody should read before we ship them. */
export function unexpectedLicences(packages: readonly LockedPackage[]): LockedPackage[] {
  return packages.filter(({ licence }) => !EXPECTED.includes(licence));
}
