/** Sorted lists of small numbers, of which equal ones are one object: what is made of one can be looked up by it. */

/** Slots of an empty table; their number is a power of two. */
const firstSlots = 1_024

/** Numbers up to which sorting by insertion is the shortest way. */
const fewNumbers = 24

/** Keeps lists without their owner; a list that was handed out must not be changed. */
export class NumberLists {
  #slots: (readonly number[] | undefined)[] = emptySlots(firstSlots)
  #count = 0
  #scratch = new Uint32Array(firstSlots)

  /** Returns the one list that is equal to a sorted one. */
  keep(list: readonly number[]): readonly number[] {
    const at = this.#find(list, list.length)
    const known = this.#slots[at]
    return known ?? this.#put(at, list)
  }

  /** Returns the numbers of a list sorted and once. */
  sorted(list: readonly number[]): readonly number[] {
    return isAscending(list) ? this.keep(list) : this.unite([list])
  }

  /** Returns the numbers of some lists, in whatever order they are, sorted and once. */
  unite(lists: readonly (readonly number[])[]): readonly number[] {
    let size = 0
    for (const list of lists) size += list.length
    if (size > this.#scratch.length) this.#scratch = new Uint32Array(2 * size)
    const scratch = this.#scratch
    let end = 0
    for (const list of lists) {
      for (const number of list) {
        scratch[end] = number
        end += 1
      }
    }
    sort(scratch, end)
    let count = 0
    for (let at = 0; at < end; at++) {
      const number = scratch[at] ?? 0
      if (count > 0 && scratch[count - 1] === number) continue
      scratch[count] = number
      count += 1
    }
    const at = this.#find(scratch, count)
    return this.#slots[at] ?? this.#put(at, Array.from(scratch.subarray(0, count)))
  }

  /** Returns the slot of the first numbers of a list, or the one where they would stand. */
  #find(numbers: ArrayLike<number>, size: number): number {
    const slots = this.#slots
    let at = hashOf(numbers, size) & (slots.length - 1)
    for (let known = slots[at]; known !== undefined; known = slots[at]) {
      if (known.length === size && startsWith(numbers, known)) return at
      at = (at + 1) & (slots.length - 1)
    }
    return at
  }

  #put(at: number, list: readonly number[]): readonly number[] {
    this.#slots[at] = list
    this.#count += 1
    if (2 * this.#count > this.#slots.length) this.#grow()
    return list
  }

  #grow(): void {
    const before = this.#slots
    this.#slots = emptySlots(2 * before.length)
    for (const list of before) {
      if (list !== undefined) this.#slots[this.#find(list, list.length)] = list
    }
  }
}

function emptySlots(count: number): (readonly number[] | undefined)[] {
  return new Array<readonly number[] | undefined>(count).fill(undefined)
}

function isAscending(list: readonly number[]): boolean {
  for (let at = 1; at < list.length; at++) {
    if ((list[at] ?? 0) <= (list[at - 1] ?? 0)) return false
  }
  return true
}

function startsWith(numbers: ArrayLike<number>, list: readonly number[]): boolean {
  for (let at = 0; at < list.length; at++) if (numbers[at] !== list[at]) return false
  return true
}

function hashOf(numbers: ArrayLike<number>, size: number): number {
  let hash = size
  for (let at = 0; at < size; at++) {
    hash = Math.imul(hash ^ (numbers[at] ?? 0), 0x9e3779b1)
    hash ^= hash >>> 15
  }
  return hash
}

function sort(numbers: Uint32Array, size: number): void {
  if (size > fewNumbers) {
    numbers.subarray(0, size).sort()
    return
  }
  for (let next = 1; next < size; next++) {
    const number = numbers[next] ?? 0
    let at = next
    for (; at > 0 && (numbers[at - 1] ?? 0) > number; at--) numbers[at] = numbers[at - 1] ?? 0
    numbers[at] = number
  }
}
