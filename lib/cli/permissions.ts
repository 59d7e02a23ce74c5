/** What the operating system's side of Deno allows; environment variables stay readable always. */
export const PERMISSIONS = ["read", "write", "net", "sys", "run", "ffi", "import"] as const;

/** One of Deno's permissions. */
export type Permission = typeof PERMISSIONS[number];

/**
 * What a command needs: `always`, or only at its `start`, until configuration and definitions are
 * read. What is not named is given up before the command does anything.
 */
export type Needs = Readonly<Partial<Record<Permission, "always" | "start">>>;

/** Everything that a command never needs. */
export function surplusOf(needs: Needs): readonly Permission[] {
  return PERMISSIONS.filter((name) => needs[name] === undefined);
}

/** Gives permissions of this process, and of its workers, up for good. */
export function revokePermissions(names: readonly Permission[]): void {
  for (const name of names) Deno.permissions.revokeSync({ name });
}
