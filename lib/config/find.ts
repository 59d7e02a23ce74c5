/** Where the configuration file may be named. */
export interface FileSources {
  /** `--config`; undefined = look in the usual places. */
  readonly file: string | undefined;
  /** The environment. */
  readonly env: (name: string) => string | undefined;
}

/** The file that is read: the one named, else the first of the usual places that is there. */
export function findFile({ file, env }: FileSources): string | undefined {
  const named = file ?? (env("SUNSPEC_CONFIG") || undefined);
  if (named !== undefined) return named;
  const home = env("XDG_CONFIG_HOME") || (env("HOME") && `${env("HOME")}/.config`);
  const usual = [...(home ? [`${home}/sunspool/config.toml`] : []), "/etc/sunspool/config.toml"];
  return usual.find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
}
