/** Servers and ports at which connections were seen to begin. */
import type { Protocol } from '../flow/flow.ts'
import type { Prefix } from '../ip.ts'
import { formatPrefix, prefixOf } from '../ip.ts'
import type { CellRecord } from './communication-set.ts'
import { firstEphemeralPort } from './direction.ts'
import { prefixOfText } from './end-order.ts'
import type { ResolvedEnd } from './end-resolver.ts'
import { isDenied } from './tally.ts'

/**
 * Tells whether counters of a communication prove that its server listens on `port`: a new connection that was let
 * through, or a reply from a port that no client is given.
 */
export function provesService(cells: readonly CellRecord[], port: number): boolean {
  return cells.some(
    ({ verdict, strength }) =>
      !isDenied(verdict) &&
      (strength === 'strong' || (strength === 'reply' && port < firstEphemeralPort)),
  )
}

/** The services; a folded prefix stands for every address in it. */
export class KnownServices {
  readonly #exact = new Set<string>()
  /** Lengths of folded prefixes by protocol and port. */
  readonly #lengths = new Map<string, Set<number>>()

  /** Notes a service. */
  add(server: ResolvedEnd, protocol: Protocol, port: number): void {
    this.#exact.add(`${protocol} ${port} ${server.id}`)
    const prefix = foldedPrefix(server)
    if (prefix === undefined) return
    const key = `${protocol} ${port}`
    this.#exact.add(`${key} ${formatPrefix(prefix)}`)
    this.#lengths.set(key, (this.#lengths.get(key) ?? new Set()).add(prefix.length))
  }

  /** Tells whether a service is known. */
  has(server: ResolvedEnd, protocol: Protocol, port: number): boolean {
    const key = `${protocol} ${port}`
    if (this.#exact.has(`${key} ${server.id}`)) return true
    const lengths = this.#lengths.get(key)
    if (lengths === undefined || server.end.kind !== 'address') return false
    const prefix = prefixOfText(server.end.address)
    if (prefix === undefined) return false
    return [...lengths].some(
      (length) =>
        length <= prefix.length &&
        this.#exact.has(`${key} ${formatPrefix(prefixOf(prefix, length))}`),
    )
  }
}

function foldedPrefix({ end }: ResolvedEnd): Prefix | undefined {
  if (end.kind !== 'address' || !end.address.includes('/')) return undefined
  return prefixOfText(end.address)
}
