/** Servers and ports at which connections were seen to begin. */
import type { Protocol } from '../flow/flow.ts'
import { protocols } from '../flow/flow.ts'
import type { Prefix } from '../ip.ts'
import { formatPrefix, prefixOf } from '../ip.ts'
import type { CellNumbers } from './cell-numbers.ts'
import { someCell } from './cell-numbers.ts'
import { firstEphemeralPort } from './direction.ts'
import { prefixOfText } from './end-order.ts'
import type { ResolvedEnd } from './end-resolver.ts'
import { isDenied } from './tally.ts'

/**
 * Tells whether counters of a communication prove that its server listens on `port`: a new connection that was let
 * through, or a reply from a port that no client is given.
 */
export function provesService(cells: CellNumbers, port: number): boolean {
  return someCell(
    cells,
    (verdict, strength) =>
      !isDenied(verdict) &&
      (strength === 'strong' || (strength === 'reply' && port < firstEphemeralPort)),
  )
}

const portRange = 65_536

/** The services; a folded prefix stands for every address in it. */
export class KnownServices {
  /** Servers by protocol and port. */
  readonly #servers = new Map<number, Set<number>>()
  /** Folded prefixes, by protocol, port and text. */
  readonly #prefixes = new Set<string>()
  /** Lengths of folded prefixes by protocol and port. */
  readonly #lengths = new Map<string, Set<number>>()

  /** Notes a service. */
  add(server: ResolvedEnd, protocol: Protocol, port: number): void {
    const service = protocols.indexOf(protocol) * portRange + port
    const servers = this.#servers.get(service)
    if (servers === undefined) this.#servers.set(service, new Set([server.id]))
    else servers.add(server.id)
    const prefix = foldedPrefix(server)
    if (prefix === undefined) return
    const key = `${protocol} ${port}`
    this.#prefixes.add(`${key} ${formatPrefix(prefix)}`)
    this.#lengths.set(key, (this.#lengths.get(key) ?? new Set()).add(prefix.length))
  }

  /** Tells whether a service is known. */
  has(server: ResolvedEnd, protocol: Protocol, port: number): boolean {
    const service = protocols.indexOf(protocol) * portRange + port
    if (this.#servers.get(service)?.has(server.id) === true) return true
    if (this.#lengths.size === 0 || server.end.kind !== 'address') return false
    const key = `${protocol} ${port}`
    const lengths = this.#lengths.get(key)
    if (lengths === undefined) return false
    const prefix = prefixOfText(server.end.address)
    if (prefix === undefined) return false
    return [...lengths].some(
      (length) =>
        length <= prefix.length &&
        this.#prefixes.has(`${key} ${formatPrefix(prefixOf(prefix, length))}`),
    )
  }
}

function foldedPrefix({ end }: ResolvedEnd): Prefix | undefined {
  if (end.kind !== 'address' || !end.address.includes('/')) return undefined
  return prefixOfText(end.address)
}
