const { Segmenter } = Intl;

/**
 * What the options library takes for a segmenter: it makes one as it is loaded, for the width of
 * help texts. A real one reads tables of all the world's scripts, which takes as long as half a
 * start of ours, so it is made when it is first asked for.
 */
class LateSegmenter implements Intl.Segmenter {
  readonly #make: () => Intl.Segmenter;
  #made: Intl.Segmenter | undefined;

  constructor(...args: ConstructorParameters<typeof Segmenter>) {
    this.#make = () => new Segmenter(...args);
  }

  segment(text: string): Intl.Segments {
    return this.#segmenter.segment(text);
  }

  resolvedOptions(): Intl.ResolvedSegmenterOptions {
    return this.#segmenter.resolvedOptions();
  }

  get #segmenter(): Intl.Segmenter {
    return this.#made ??= this.#make();
  }

  static supportedLocalesOf(...args: Parameters<typeof Segmenter.supportedLocalesOf>): string[] {
    return Segmenter.supportedLocalesOf(...args);
  }
}

/** Loads a module that needs the options library; from then on a segmenter costs nothing until it is used. */
export async function loadWithLibrary<T>(load: () => Promise<T>): Promise<T> {
  Object.assign(Intl, { Segmenter: LateSegmenter });
  return await load();
}
