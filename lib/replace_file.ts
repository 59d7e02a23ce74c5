/**
 * Puts a file that everybody may read in the place of the one before: whoever reads sees one of the
 * two, whole.
 *
 * @throws {Error} the system does not let us; the one before is left
 */
export async function replaceFile(path: string, text: string): Promise<void> {
  // Until it is whole its name ends in no way that anybody looks for.
  const partial = `${path}.${crypto.randomUUID()}.partial`;
  try {
    await Deno.writeTextFile(partial, text, { createNew: true });
    // The umask has no say in who may read it.
    await Deno.chmod(partial, 0o644);
    await Deno.rename(partial, path);
  } catch (error) {
    await Deno.remove(partial).catch(() => {});
    throw error;
  }
}
