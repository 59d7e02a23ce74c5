/** So many hold several records. */
const ROOM = 4096;

/** Lists places in records; the lists lie one behind the other in the same array until it is full. */
export class Places {
  #all = new Uint32Array(ROOM);
  /** Where the present list begins. */
  #start = 0;
  #end = 0;

  /** Begins a list; one that was not taken is forgotten. */
  begin(): void {
    this.#end = this.#start;
  }

  /** Adds a place. */
  add(place: number): void {
    if (this.#end === this.#all.length) this.#renew();
    this.#all[this.#end++] = place;
  }

  /** The list that was made since: a part of a larger array, in which it stays as it is. */
  taken(): Uint32Array {
    const list = this.#all.subarray(this.#start, this.#end);
    this.#start = this.#end;
    return list;
  }

  #renew(): void {
    const begun = this.#all.subarray(this.#start, this.#end);
    this.#all = new Uint32Array(Math.max(ROOM, begun.length * 2));
    this.#all.set(begun);
    this.#start = 0;
    this.#end = begun.length;
  }
}
