/** Passing items from one who pushes them to one who asks for them, one at a time. */

/** An item that was handed over. */
export interface Handed<T> {
  readonly item: T
  /** Lets the next item be handed over. */
  done(): void
}

/** A place for one item: whoever puts one there waits until it was taken and is done with. */
export class Handoff<T> {
  #item: Handed<T> | undefined
  #isClosed = false
  #wake: () => void = () => undefined
  #free: Promise<void> = Promise.resolve()

  /** Resolves when the item is done with, or when nobody will take it any more. */
  async put(item: T): Promise<void> {
    const before = this.#free
    let release: () => void = () => undefined
    const after = new Promise<void>((resolve) => {
      release = resolve
    })
    this.#free = after
    await before
    if (this.#isClosed) {
      release()
      return
    }
    this.#item = { item, done: release }
    this.#wake()
    await after
  }

  /** Resolves to the next item, or to undefined once the place is closed and empty. */
  async take(): Promise<Handed<T> | undefined> {
    while (this.#item === undefined && !this.#isClosed) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    const item = this.#item
    this.#item = undefined
    return item
  }

  /** Ends the passing: nobody waits any longer. */
  close(): void {
    this.#isClosed = true
    this.#wake()
  }

  /** Closes, and lets go of an item that nobody took. */
  drop(): void {
    this.close()
    this.#item?.done()
    this.#item = undefined
  }
}
